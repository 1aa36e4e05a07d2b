import Files
import Foundation
import Tensors

@testable import Checkpoints

/// A recorded file of the folder Golden.
func golden(_ name: String) throws -> JSON {
  let url = Bundle.module.bundleURL.appendingPathComponent("Golden/\(name)")
  return try JSONReader.parse(try readFile(url.path), file: name)
}

extension JSON {
  /// The bytes of a string of hexadecimal digits.
  var hexadecimal: [UInt8] {
    func digit(_ byte: UInt8) -> UInt8 { byte < 0x3A ? byte - 0x30 : byte - 0x57 }
    let digits = bytes ?? []
    return stride(from: 0, to: digits.count - 1, by: 2).map {
      digit(digits[$0]) << 4 | digit(digits[$0 + 1])
    }
  }
}

func floats(_ bytes: [UInt8]) -> [Float] {
  bytes.withUnsafeBytes { bytes in
    (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
  }
}

/// A folder that is removed when the object goes.
final class TemporaryFolder {
  let path = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}

func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// Builds GGUF files, sound and damaged ones.
struct GGUFBuilder {
  struct Tensor {
    var name: [UInt8]
    var dimensions: [UInt64]
    var type: UInt32
    var offset: UInt64
  }

  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  var tensorCount: UInt64?
  var keyCount: UInt64?
  /// Keys with everything behind the name: type and value.
  var keys: [(key: String, value: [UInt8])] = []
  var tensors: [Tensor] = []
  var alignment = 32
  var data: [UInt8] = []

  static func string(_ text: String) -> [UInt8] {
    littleEndian(UInt64(text.utf8.count)) + Array(text.utf8)
  }

  static func array(_ type: UInt32, _ count: UInt64, _ content: [UInt8]) -> [UInt8] {
    littleEndian(UInt32(9)) + littleEndian(type) + littleEndian(count) + content
  }

  static func strings(_ values: [String]) -> [UInt8] {
    array(8, UInt64(values.count), values.flatMap(string))
  }

  static func uint32(_ value: UInt32) -> [UInt8] { littleEndian(UInt32(4)) + littleEndian(value) }

  mutating func add(
    _ name: String, _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0
  ) {
    tensors.append(
      Tensor(name: Array(name.utf8), dimensions: dimensions, type: type, offset: offset))
  }

  var bytes: [UInt8] {
    var bytes = magic + littleEndian(version)
    bytes += littleEndian(tensorCount ?? UInt64(tensors.count))
    bytes += littleEndian(keyCount ?? UInt64(keys.count))
    for (key, value) in keys { bytes += Self.string(key) + value }
    for tensor in tensors {
      bytes += littleEndian(UInt64(tensor.name.count)) + tensor.name
      bytes += littleEndian(UInt32(tensor.dimensions.count))
      for dimension in tensor.dimensions { bytes += littleEndian(dimension) }
      bytes += littleEndian(tensor.type) + littleEndian(tensor.offset)
    }
    if !tensors.isEmpty {
      bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    }
    return bytes + data
  }
}

/// A safetensors file with this header and as many bytes of data.
func safetensors(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
  littleEndian(length ?? UInt64(header.utf8.count)) + Array(header.utf8)
    + [UInt8](repeating: 0, count: data)
}

/// A quick generator with a fixed sequence.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
