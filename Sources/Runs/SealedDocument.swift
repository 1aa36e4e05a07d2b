import Files
import Foundation

/// A result on the disk: JSON whose first member is the SHA-256 of all that comes after that line.
///
/// So one changed character is noticed, and what a study reads of another one is what that one wrote.
package enum SealedDocument {
  private static let opening = Array("{\n  \"sha256\" : \"".utf8)
  private static let closing = Array("\",\n".utf8)

  /// Writes the file as a whole.
  /// - Parameter content: an object of JSON that is not empty.
  package static func write(_ content: some Encodable, to path: String) throws(Problem) {
    try AtomicFile.write(sealed(try RunJSON.page(content, for: path)), to: path)
  }

  /// A page of JSON, an object that is not empty, with its digest.
  package static func sealed(_ page: String) -> [UInt8] {
    precondition(page.hasPrefix("{\n"), "an object that is not empty")
    let rest = Array(page.utf8.dropFirst(2)) + [0x0A]
    return opening + Array(Digest.sha256(rest).utf8) + closing + rest
  }

  /// The content of a file that `write` wrote, as text of JSON.
  /// - Throws: `digest-differs` where a character was changed.
  package static func content(of path: String) throws(Problem) -> [UInt8] {
    let bytes = try readFile(path, limit: 1 << 30)
    let start = opening.count + 64 + closing.count
    guard bytes.count > start, bytes.starts(with: opening),
      bytes[(start - closing.count)..<start].elementsEqual(closing)
    else {
      throw Problem(
        .notSealed, path, problem: "does not begin with its own SHA-256",
        remedy: "it was edited, or written by a version that did not seal results: compute it again"
      )
    }
    let stated = String(decoding: bytes[opening.count..<(opening.count + 64)], as: UTF8.self)
    guard Digest.sha256(Array(bytes[start...])) == stated else {
      throw Problem(
        .digestDiffers, path, problem: "does not have the SHA-256 that it states",
        remedy: "it was changed or damaged: fetch or compute it again")
    }
    return Array("{\n".utf8) + bytes[start...]
  }
}
