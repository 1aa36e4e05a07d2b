import CKernels
import Files
import Testing

@Suite struct SHA256Tests {
  @Test func instructionsAgreeWithPortableCode() {
    var random: UInt32 = 1
    let bytes = (0..<2000).map { _ in
      random = random &* 1_664_525 &+ 1_013_904_223
      return UInt8(random >> 24)
    }
    for blocks in 0...20 {
      var fast = (0..<8).map { UInt32($0) &* 0x9E37_79B9 &+ random }
      var portable = fast
      bytes.withUnsafeBufferPointer {
        // An odd start: what is digested is seldom aligned.
        guard let start = $0.baseAddress.map({ $0 + blocks }) else { return }
        bathyscope_sha256_blocks(&fast, start, blocks)
        bathyscope_sha256_blocks_portable(&portable, start, blocks)
      }
      #expect(fast == portable)
    }
  }

  /// FIPS 180-4's own examples.
  @Test func examplesOfTheStandard() {
    #expect(
      Digest.sha256(Array("abc".utf8))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Digest.sha256(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
  }
}
