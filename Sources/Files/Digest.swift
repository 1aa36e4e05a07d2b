import CKernels

/// A SHA-256 digest (FIPS 180-4): how every file, template and configuration is named in what
/// Bathyscope writes.
///
/// Sixty lines of C instead of a cryptography package, whose build took longer than all of
/// Bathyscope's: nothing here is secret.
public struct Digest: Sendable {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  private var tail: [UInt8] = []
  private var length: UInt64 = 0

  /// The digest of no bytes yet.
  public init() {}

  /// Adds bytes to what is digested.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    length += UInt64(bytes.count)
    var rest = bytes[...]
    if !tail.isEmpty {
      let missing = rest.prefix(64 - tail.count)
      tail.append(contentsOf: missing)
      rest = rest.dropFirst(missing.count)
      guard tail.count == 64 else { return }
      tail.withUnsafeBufferPointer { bathyscope_sha256_blocks(&state, $0.baseAddress, 1) }
      tail.removeAll()
    }
    let whole = UnsafeRawBufferPointer(rebasing: rest.prefix(rest.count / 64 * 64))
    if whole.count > 0 {
      let start = whole.bindMemory(to: UInt8.self).baseAddress
      bathyscope_sha256_blocks(&state, start, whole.count / 64)
    }
    tail.append(contentsOf: rest.dropFirst(whole.count))
  }

  /// The digest as 64 lower-case hexadecimal digits.
  public consuming func hexadecimal() -> String {
    let bits = length &* 8
    var padding: [UInt8] = [0x80]
    padding.append(contentsOf: repeatElement(0, count: Int((119 - length % 64) % 64)))
    for shift in stride(from: 56, through: 0, by: -8) {
      padding.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
    }
    padding.withUnsafeBytes { update($0) }
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  /// The digest of the bytes.
  public static func sha256(_ bytes: [UInt8]) -> String {
    var digest = Digest()
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.hexadecimal()
  }

  /// The digest of a mapped file's content.
  public static func sha256(of file: MappedFile) -> String {
    var digest = Digest()
    for start in stride(from: 0, to: file.count, by: 4 << 20) {
      let range = start..<min(start + (4 << 20), file.count)
      digest.update(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
      file.release(range)
    }
    return digest.hexadecimal()
  }
}

/// SHA-256 of several texts, none of which can be mistaken for a part of its neighbour.
package func digest(_ parts: [String]) -> String {
  var digest = Digest()
  for part in parts {
    let bytes = Array("\(part.utf8.count) \(part)".utf8)
    bytes.withUnsafeBytes { digest.update($0) }
  }
  return digest.hexadecimal()
}
