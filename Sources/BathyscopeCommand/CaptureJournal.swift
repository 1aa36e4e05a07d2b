import Bathyscope
import Foundation

/// What was read from the finished prompts of a run that has not ended: 32-bit floats, little-endian, under
/// each prompt's place.
struct CaptureJournal: CaptureKeeper {
  let rows: RunJournal<Int, Data>

  var count: Int { rows.count }

  func values(of sequence: Int) throws -> [Float] {
    guard let row = try rows.row(sequence), row.count % 4 == 0 else {
      throw Problem(
        .journalDamaged, rows.path, place: "prompt \(sequence)",
        problem: "is not among the first \(rows.count)", remedy: "remove the file to start again")
    }
    return row.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: 4).map { place in
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
      }
    }
  }

  func keep(_ values: [Float]) throws {
    let bytes = values.map { $0.bitPattern.littleEndian }.withUnsafeBytes { Data($0) }
    try rows.append(bytes, for: rows.count)
  }
}
