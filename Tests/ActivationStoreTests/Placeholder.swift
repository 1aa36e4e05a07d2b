import Testing

@testable import ActivationStore
