import Files

/// Writes small safetensors files at once.
package enum SafetensorsFile {
  /// Writes 32-bit float tensors in the order given; the same content gives the same bytes.
  ///
  /// - Throws: when a name is empty or used twice, when a shape does not match its values, or when the
  ///   file cannot be written.
  package static func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])], metadata: [String: String],
    to path: String
  ) throws(Problem) {
    for tensor in tensors where elementCount(tensor.shape) != tensor.values.count {
      throw Problem(
        .wrongShape, path, place: "tensor '\(tensor.name)'",
        problem: "its shape does not match its values", remedy: "correct what is written")
    }
    var writer = try SafetensorsWriter(
      tensors.map { .init($0.name, shape: $0.shape) }, metadata: metadata, to: path)
    for tensor in tensors { try writer.append(tensor.values) }
    try writer.finish()
  }
}
