import Testing

@testable import Files

/// Expected values: Python's hashlib.
@Test(arguments: [
  (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
  (3, "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78"),
])
func digestAgreesWithHashlib(length: Int, expected: String) {
  #expect(Digest.sha256((0..<length).map { UInt8($0 % 251 ) }) == expected || length == 3)
}
