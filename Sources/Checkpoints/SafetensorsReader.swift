import Files
import Tensors

/// Reads the header of a safetensors file as strictly as its specification allows.
///
/// The tensors must fill the data from the first byte to the last, without hole or overlap: bytes that
/// no tensor owns could carry anything, and two readers could see different weights in one file.
struct SafetensorsReader {
  let file: String
  /// Where the data start in the file, and how many bytes they are.
  private let dataStart: Int
  private let dataCount: Int

  /// The specification allows 100 MB, but a text of that length would take more memory than a model's
  /// header is worth.
  private static let headerLimit = 16 << 20
  /// A tensor takes seven values and more: this allows about 20,000 tensors.
  private static let valueLimit = 150_000

  /// Parses the header of the whole file's bytes.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(Problem) -> TensorTable {
    guard bytes.count >= 8 else {
      throw .damaged(
        .cutShort, file, "header length", "the file of \(bytes.count) bytes ends in it")
    }
    let claimed = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard claimed > 0 else { throw .damaged(.outOfRange, file, "header length", "is 0") }
    guard claimed <= headerLimit else {
      throw .damaged(
        .tooLarge, file, "header length", "\(claimed) is more than the \(headerLimit) allowed")
    }
    let length = Int(claimed)
    guard length <= bytes.count - 8 else {
      throw .damaged(
        .cutShort, file, "header length",
        "\(length) bytes do not fit into the file of \(bytes.count)")
    }
    guard bytes[8] == UInt8(ascii: "{") else {
      throw .damaged(.wrongFormat, file, "header", "its first byte is not '{'")
    }
    let header = UnsafeRawBufferPointer(rebasing: bytes[8..<(8 + length)])
    let json = try JSONReader.parse(header, file: file, valueLimit: valueLimit)
    let reader = SafetensorsReader(
      file: file, dataStart: 8 + length, dataCount: bytes.count - 8 - length)
    return try reader.table(json)
  }

  private func table(_ header: JSON) throws(Problem) -> TensorTable {
    var table = TensorTable()
    table.headerEnd = dataStart
    for (index, member) in (header.object?.members ?? []).enumerated() {
      if member.key.elementsEqual("__metadata__".utf8) {
        table.metadata = try metadata(member.value)
      } else {
        table.records.append(try record(member.key, member.value, index))
      }
    }
    try checkLayout(table.records)
    return table
  }

  private func metadata(_ json: JSON) throws(Problem) -> [String: MetadataValue] {
    guard let object = json.object else {
      throw .damaged(.wrongType, file, "__metadata__", "is not an object")
    }
    var metadata: [String: MetadataValue] = [:]
    for (key, value) in object.members {
      let place = "__metadata__, '\(printable(key))'"
      guard let bytes = value.bytes else {
        throw .damaged(.wrongType, file, place, "is not a string")
      }
      let previous = metadata.updateValue(
        .string(bytes), forKey: String(decoding: key, as: UTF8.self))
      guard previous == nil else { throw .damaged(.duplicateKey, file, place, "is here twice") }
    }
    return metadata
  }

  private func record(
    _ key: [UInt8], _ json: JSON, _ index: Int
  ) throws(Problem) -> TensorRecord {
    let name = try tensorName(key, number: index, file: file)
    let place = "tensor '\(printable(key))'"
    guard let object = json.object else {
      throw .damaged(.wrongType, file, place, "is not an object")
    }
    for (field, _) in object.members
    where !["dtype", "shape", "data_offsets"].contains(where: { field.elementsEqual($0.utf8) }) {
      throw .damaged(.unknownKey, file, place, "has the unknown field '\(printable(field))'")
    }
    guard let typeName = object["dtype"]?.text, let size = elementSizes[typeName] else {
      let shown = object["dtype"]?.bytes.map { "'\(printable($0))'" } ?? "what stands there"
      throw .damaged(.unsupported, file, "\(place): dtype", "\(shown) is not a known type")
    }
    let shape = try integers(object["shape"], "\(place): shape")
    let offsets = try integers(object["data_offsets"], "\(place): data_offsets")
    guard offsets.count == 2 else {
      throw .damaged(.wrongType, file, "\(place): data_offsets", "are not two integers")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end, end <= dataCount else {
      throw .damaged(
        .badOffset, file, "\(place): data_offsets",
        "[\(begin), \(end)] is not a range in the \(dataCount) bytes of data")
    }
    guard let bytes = elementCount(shape + [size]) else {
      throw .damaged(.tooLarge, file, "\(place): shape", "the size of \(shape.prefix(8)) overflows")
    }
    guard bytes == end - begin else {
      throw .damaged(
        .wrongShape, file, "\(place): data_offsets",
        "the shape takes \(bytes) bytes, [\(begin), \(end)] has \(end - begin)")
    }
    return TensorRecord(
      name: name, typeName: typeName, elementType: ElementType(rawValue: typeName), shape: shape,
      offset: dataStart + begin, byteCount: bytes)
  }

  private func integers(_ json: JSON?, _ place: String) throws(Problem) -> [Int] {
    guard let values = json?.array else {
      throw .damaged(.wrongType, file, place, "is not an array")
    }
    var integers: [Int] = []
    for value in values {
      guard let integer = value.int, integer >= 0 else {
        throw .damaged(
          .wrongType, file, place, "holds something that is not an integer from 0 to 2^63 - 1")
      }
      integers.append(integer)
    }
    return integers
  }

  private func checkLayout(_ records: [TensorRecord]) throws(Problem) {
    var end = dataStart
    for record in records.sorted(by: { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }) {
      let place = "tensor '\(record.shownName)': data_offsets"
      guard record.offset >= end else {
        throw .damaged(.badOffset, file, place, "it overlaps another tensor")
      }
      guard record.offset == end else {
        throw .damaged(
          .badOffset, file, place, "\(record.offset - end) bytes before it belong to no tensor")
      }
      end += record.byteCount
    }
    guard end == dataStart + dataCount else {
      throw .damaged(
        .badOffset, file, "data",
        "\(dataStart + dataCount - end) bytes after the last tensor belong to none")
    }
  }
}

/// Bytes an element, of all types whose elements are whole bytes.
private let elementSizes: [String: Int] = [
  "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2,
  "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
]
