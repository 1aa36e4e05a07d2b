import Files
import Foundation
import Tensors

/// Writes a safetensors file tensor by tensor, so that a model larger than the memory can be written.
///
/// The table is said first, then the tensors' bytes follow in its order. The file appears under its
/// name when `finish()` has found it complete; the same content gives the same bytes.
///
///     var writer = try SafetensorsWriter(tensors, to: path)
///     for tensor in tensors { try writer.append(values(of: tensor)) }
///     try writer.finish()
package struct SafetensorsWriter: ~Copyable {
  /// One line of the table.
  package struct Tensor: Sendable, Equatable {
    package var name: String
    /// Row-major, the outermost dimension first.
    package var shape: [Int]
    package var elementType: ElementType

    package init(_ name: String, shape: [Int], elementType: ElementType = .float32) {
      (self.name, self.shape, self.elementType) = (name, shape, elementType)
    }
  }

  private var file: AtomicFile
  /// For each tensor, the end of its bytes behind the header.
  private let ends: [(end: Int, type: ElementType)]
  private var written = 0

  /// Writes the header, its end at a multiple of 8, as the reference implementation aligns the data.
  ///
  /// - Throws: when a name is empty or used twice, a shape overflows, a type is not one of safetensors,
  ///   or the file cannot be written.
  package init(
    _ tensors: [Tensor], metadata: [String: String] = [:], to path: String
  ) throws(Problem) {
    let (header, ends) = try Self.header(tensors, metadata, path)
    var file = try AtomicFile(path)
    try file.append(header)
    self.file = file
    self.ends = ends
  }

  /// Adds the next values; they are stored as their tensor is, rounded to the nearest even.
  ///
  /// A call may hold a part of a tensor, and never parts of two.
  /// - Throws: when there are more values than the tensor has left, when it is stored neither as F32
  ///   nor as BF16, or when the file cannot be written.
  package mutating func append(_ values: [Float]) throws(Problem) {
    guard !values.isEmpty else { return }
    let written = written
    guard let tensor = ends.first(where: { $0.end > written }),
      values.count <= (tensor.end - written) / tensor.type.bytesPerBlock
    else { throw mismatch(.wrongCount, "more values are given than the tensor has") }
    switch tensor.type {
    case .float32:
      // Every machine that Swift runs on is little-endian, as readers here take for granted.
      try append(bytes: values.withUnsafeBytes { Data($0) })
    case .bfloat16:
      let bits = values.map { Self.rounded($0) }
      try append(bytes: bits.withUnsafeBytes { Data($0) })
    default: throw mismatch(.unsupported, "\(tensor.type.rawValue) is not written from floats")
    }
  }

  /// Adds the next bytes, already encoded as their tensors are.
  package mutating func append(bytes: Data) throws(Problem) {
    let (total, overflow) = written.addingReportingOverflow(bytes.count)
    guard !overflow, total <= ends.last?.end ?? 0 else {
      throw mismatch(.wrongCount, "more bytes are given than the table says")
    }
    try file.append(bytes)
    written = total
  }

  /// Flushes the file and gives it its name.
  /// - Throws: when bytes are missing or the disk is full; nothing is left behind then.
  package mutating func finish() throws(Problem) {
    guard written == ends.last?.end ?? 0 else {
      throw mismatch(.wrongCount, "only \(written) of \(ends.last?.end ?? 0) bytes were given")
    }
    try file.commit()
  }

  private func mismatch(_ code: Problem.Code, _ problem: String) -> Problem {
    Problem(code, file.path, problem: problem, remedy: "correct what is written")
  }

  /// The nearest bfloat16, ties to even; a NaN stays one.
  private static func rounded(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}

extension SafetensorsWriter {
  private static func header(
    _ tensors: [Tensor], _ metadata: [String: String], _ path: String
  ) throws(Problem) -> (bytes: [UInt8], ends: [(end: Int, type: ElementType)]) {
    var members: [String] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { $0.key < $1.key }
        .map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(entries.joined(separator: ","))}")
    }
    var names: Set<String> = ["__metadata__"]
    var ends: [(end: Int, type: ElementType)] = []
    for (index, tensor) in tensors.enumerated() {
      let name = try tensorName(Array(tensor.name.utf8), number: index, file: path)
      let start = ends.last?.end ?? 0
      let size = elementCount(tensor.shape).flatMap(tensor.elementType.byteCount)
      guard names.insert(name).inserted, tensor.elementType.blockSize == 1, let size,
        case (let end, false) = start.addingReportingOverflow(size)
      else {
        throw Problem(
          .invalidName, path, place: "tensor '\(name)'",
          problem: "its name was used before, its shape overflows or its type is not safetensors'",
          remedy: "correct what is written")
      }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(name)):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(start),\(end)]}")
      ends.append((end, tensor.elementType))
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    return (withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text, ends)
  }

  /// The text as a JSON string.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
