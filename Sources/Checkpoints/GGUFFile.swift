import Files

/// Writes small GGUF files at once: version 3, 32-bit floats, alignment 32.
package enum GGUFFile {
  package enum Value: Sendable, Equatable {
    case uint32(UInt32)
    case string(String)
  }

  /// Writes keys and one-dimensional tensors in the order given; the same content gives the same bytes.
  ///
  /// - Throws: when a name is empty, longer than the format's 64 bytes or used twice, or when the file
  ///   cannot be written.
  package static func write(
    _ tensors: [(name: String, values: [Float])], metadata: [(key: String, value: Value)],
    to path: String
  ) throws(Problem) {
    var bytes = Array("GGUF".utf8)
    append(UInt32(3), to: &bytes)
    append(UInt64(tensors.count), to: &bytes)
    append(UInt64(metadata.count), to: &bytes)
    for (key, value) in metadata {
      append(key, to: &bytes)
      switch value {
      case .uint32(let number):
        append(UInt32(4), to: &bytes)
        append(number, to: &bytes)
      case .string(let text):
        append(UInt32(8), to: &bytes)
        append(text, to: &bytes)
      }
    }
    var names: Set<String> = []
    var offset = 0
    for (index, tensor) in tensors.enumerated() {
      let name = try tensorName(Array(tensor.name.utf8), number: index, file: path)
      guard names.insert(name).inserted, name.utf8.count <= 64 else {
        throw Problem(
          .invalidName, path, place: "tensor '\(name)'",
          problem: "its name was used before or is longer than 64 bytes",
          remedy: "correct what is written")
      }
      append(name, to: &bytes)
      append(UInt32(1), to: &bytes)
      append(UInt64(tensor.values.count), to: &bytes)
      append(UInt32(0), to: &bytes)  // F32
      append(UInt64(offset), to: &bytes)
      offset += (4 * tensor.values.count + 31) / 32 * 32
    }
    pad(&bytes)
    for tensor in tensors {
      for value in tensor.values { append(value.bitPattern, to: &bytes) }
      pad(&bytes)
    }
    let content = bytes
    try AtomicFile.write(content, to: path)
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt64(text.utf8.count), to: &bytes)
    bytes.append(contentsOf: text.utf8)
  }

  private static func pad(_ bytes: inout [UInt8]) {
    bytes.append(contentsOf: repeatElement(0, count: (32 - bytes.count % 32) % 32))
  }
}
