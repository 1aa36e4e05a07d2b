import Bathyscope
import Foundation

/// What was read from the finished prompts of a run that has not ended.
final class CaptureJournal: CaptureKeeper {
  private struct Row: Decodable {
    /// The prompt's place among all.
    var place: Int
    /// 32-bit floats, little-endian.
    var values: Data
  }

  private let journal: RunJournal
  private var lines: [Range<Int>]

  /// - Parameters:
  ///   - configuration: all that decides the values, with a `schema`.
  ///   - content: what the journal holds, for errors.
  /// - Throws: when a run with other arguments has not ended there.
  init(
    _ path: String, _ configuration: some Encodable, of content: String, overwrites: Bool
  ) throws {
    journal = try RunJournal(
      path, header: try lineOfJSON(configuration), of: content, overwrites: overwrites)
    lines = journal.lines
  }

  var count: Int { lines.count }

  func values(of sequence: Int) throws -> [Float] {
    let file = try journal.file
    let line = Data(file.bytes[lines[sequence]])
    guard let row = try? JSONDecoder().decode(Row.self, from: line), row.place == sequence,
      row.values.count % 4 == 0
    else { throw journal.error(at: sequence, "is not the row of prompt \(sequence)") }
    return row.values.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: 4).map { place in
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
      }
    }
  }

  func keep(_ values: [Float]) throws {
    let text = values.map { $0.bitPattern.littleEndian }.withUnsafeBytes { Data($0) }
      .base64EncodedString()
    // An encoder, or a key path, would take longer over it than the model over its tokens.
    lines.append(try journal.append(#"{"place":\#(lines.count),"values":"\#(text)"}"#))
  }

  /// Removes the journal once everything is written.
  func remove() { journal.remove() }
}
