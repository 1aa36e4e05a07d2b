import Testing

@testable import Refusal
