import Files
import Tensors

/// Writes safetensors files.
package enum SafetensorsFile {
  /// Writes 32-bit float tensors in the order given; the same content gives the same bytes.
  ///
  /// The data start at a multiple of 8, as the reference implementation aligns them.
  ///
  /// - Throws: when a name is empty or used twice, when a shape does not match its values, or when the
  ///   file cannot be written.
  package static func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])], metadata: [String: String],
    to path: String
  ) throws(CheckpointError) {
    var bytes = try header(tensors, metadata, path)
    bytes.reserveCapacity(bytes.count + tensors.reduce(0) { $0 + 4 * $1.values.count })
    for tensor in tensors {
      for value in tensor.values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    try withFiles { () throws(FileError) in try AtomicFile.write(bytes, to: path) }
  }

  private static func header(
    _ tensors: [(name: String, shape: [Int], values: [Float])], _ metadata: [String: String],
    _ path: String
  ) throws(CheckpointError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { $0.key < $1.key }
        .map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(entries.joined(separator: ","))}")
    }
    var names: Set<String> = ["__metadata__"]
    var offset = 0
    for (index, tensor) in tensors.enumerated() {
      let name = try tensorName(Array(tensor.name.utf8), number: index, file: path)
      guard names.insert(name).inserted, elementCount(tensor.shape) == tensor.values.count else {
        throw CheckpointError(
          file: path, place: "tensor '\(name)'",
          problem: "its name was used before, or its shape does not match its values",
          remedy: "correct what is written")
      }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + 4 * tensor.values.count
      members.append(
        "\(quoted(name)):"
          + "{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
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
