import Files
import Tensors

/// Reads the header of a GGUF file, versions 2 and 3: metadata and the table of tensors.
///
/// Every count is checked against the bytes that are left before anything is allocated for it, so that
/// a file of 43 bytes cannot claim 2^63 elements.
struct GGUFReader {
  let bytes: UnsafeRawBufferPointer
  let file: String
  var position = 0
  var table = TensorTable()
  /// Bytes of memory that the metadata may still take. The largest vocabulary in use takes half.
  private var memoryLeft = 64 << 20

  /// Parses the header of the whole file's bytes.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(Problem) -> TensorTable {
    var reader = GGUFReader(bytes: bytes, file: file)
    try reader.header()
    return reader.table
  }

  private init(bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  private mutating func header() throws(Problem) {
    let magic = try take(4, "magic")
    guard magic.elementsEqual("GGUF".utf8) else {
      throw .damaged(
        .wrongFormat, file, "magic", "'\(printable(magic))' is there and not 'GGUF'")
    }
    try checkVersion(try number(UInt32.self, "version"))
    let tensors = try number(UInt64.self, "tensor count")
    let keys = try number(UInt64.self, "key count")
    // The shortest tensor takes 25 bytes (a name of one letter, no dimension), the shortest key 14.
    let left = UInt64(bytes.count - position)
    guard tensors <= left / 25, tensors <= tensorLimit else {
      throw .damaged(
        .tooLarge, file, "tensor count", "\(Int64(bitPattern: tensors)) tensors cannot be here")
    }
    guard keys <= left / 14 else {
      throw .damaged(.tooLarge, file, "key count", "\(Int64(bitPattern: keys)) keys cannot be here")
    }
    for index in 0..<Int(keys) { try key(index) }
    let alignment = try self.alignment()
    var names: Set<String> = []
    for index in 0..<Int(tensors) {
      let record = try tensor(index, alignment: alignment)
      guard names.insert(record.name).inserted else {
        throw .damaged(
          .duplicateTensor, file, "tensor \(index), '\(record.shownName)'",
          "its name was used before")
      }
      table.records.append(record)
    }
    try placeTensors(alignment: alignment)
  }

  /// Pays for memory before it is allocated: a byte of an array becomes a word of 8, an empty string one
  /// of 8 and a heap object.
  mutating func spend(
    _ bytes: Int, _ place: @autoclosure () -> String
  ) throws(Problem) {
    memoryLeft -= bytes
    guard memoryLeft >= 0 else {
      throw .damaged(
        .tooLarge, file, place(), "the metadata up to here is larger than that of any model")
    }
  }

  private func checkVersion(_ version: UInt32) throws(Problem) {
    if version == 2 || version == 3 { return }
    if version.byteSwapped == 2 || version.byteSwapped == 3 {
      throw Problem(
        .unsupported, file, place: "version", problem: "the file is big-endian",
        remedy: "convert it to little-endian, for example with gguf-convert-endian of Python's gguf"
      )
    }
    throw Problem(
      .unknownVersion, file, place: "version", problem: "\(version) is neither 2 nor 3",
      remedy: version == 1
        ? "convert the model again with a current tool"
        : "fetch the file again, or a version 3 file")
  }

  private func alignment() throws(Problem) -> Int {
    guard let value = table.metadata["general.alignment"] else { return 32 }
    guard case .integer(let alignment) = value, (8...65_536).contains(alignment),
      alignment & (alignment - 1) == 0
    else {
      throw .damaged(
        .outOfRange, file, "key 'general.alignment'",
        "the value is not a power of two from 8 to 65536")
    }
    return alignment
  }

  private mutating func tensor(
    _ index: Int, alignment: Int
  ) throws(Problem) -> TensorRecord {
    let nameLength = try length("tensor \(index): length of its name")
    guard nameLength <= 64 else {
      throw .damaged(
        .tooLarge, file, "tensor \(index): length of its name",
        "\(nameLength) is more than the format's 64")
    }
    let nameBytes = Array(try take(nameLength, "tensor \(index): name"))
    let name = try tensorName(nameBytes, number: index, file: file)
    let place = "tensor \(index), '\(printable(nameBytes))'"
    let rank = try number(UInt32.self, "\(place): dimension count")
    guard rank <= 4 else {
      throw .damaged(.outOfRange, file, "\(place): dimension count", "\(rank) is more than 4")
    }
    var shape: [Int] = []
    for _ in 0..<rank {
      let dimension = try number(UInt64.self, "\(place): shape")
      guard let dimension = Int(exactly: dimension) else {
        throw .damaged(.tooLarge, file, "\(place): shape", "the dimension \(dimension) overflows")
      }
      shape.append(dimension)
    }
    shape.reverse()
    let type = try elementType(try number(UInt32.self, "\(place): type"), place)
    let offset = try number(UInt64.self, "\(place): offset")
    guard let offset = Int(exactly: offset), offset % alignment == 0 else {
      throw .damaged(
        .badOffset, file, "\(place): offset",
        "\(offset) is not a multiple of the alignment \(alignment)")
    }
    return TensorRecord(
      name: name, typeName: type.rawValue, elementType: type, shape: shape, offset: offset,
      byteCount: try byteCount(shape, type, place))
  }

  private func elementType(_ code: UInt32, _ place: String) throws(Problem) -> ElementType {
    if let type = ElementType(ggufCode: code) { return type }
    throw Problem(
      .unsupported, file, place: "\(place): type",
      problem: "the type \(code)\(ggufTypeNames[code].map { " (\($0))" } ?? "") is not supported",
      remedy: "use a file with "
        + ElementType.allCases.map(\.rawValue).joined(separator: ", ") + " tensors")
  }

  private func byteCount(
    _ shape: [Int], _ type: ElementType, _ place: String
  ) throws(Problem) -> Int {
    guard (shape.last ?? 1) % type.blockSize == 0 else {
      throw .damaged(
        .wrongShape, file, "\(place): shape",
        "a row of \(shape.last ?? 1) is not a multiple of \(type.rawValue)'s block, "
          + "\(type.blockSize)")
    }
    guard let elements = elementCount(shape), let bytes = type.byteCount(elements: elements) else {
      throw .damaged(.tooLarge, file, "\(place): shape", "the size of \(shape) overflows")
    }
    return bytes
  }

  /// Turns the offsets into places in the file and sees that they lie in it and apart.
  private mutating func placeTensors(alignment: Int) throws(Problem) {
    table.headerEnd = position
    let start = (position + alignment - 1) / alignment * alignment
    for index in table.records.indices {
      let record = table.records[index]
      let (offset, overflow) = start.addingReportingOverflow(record.offset)
      guard !overflow, offset <= bytes.count, record.byteCount <= bytes.count - offset else {
        throw .damaged(
          .cutShort, file, "tensor \(index), '\(record.shownName)': offset",
          "\(record.byteCount) bytes at \(record.offset) do not fit into the file of "
            + "\(bytes.count)")
      }
      table.records[index].offset = offset
    }
    let order = table.records.filter { $0.byteCount > 0 }.sorted { $0.offset < $1.offset }
    for (one, next) in zip(order, order.dropFirst())
    where next.offset < one.offset + one.byteCount {
      throw .damaged(
        .badOffset, file, "tensor '\(next.shownName)': offset", "it overlaps '\(one.shownName)'")
    }
  }
}

/// The types that are known by name, so that the error about an unsupported one can say what it is.
private let ggufTypeNames: [UInt32: String] = [
  4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
  19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16",
  26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
]

extension ElementType {
  /// The type with the number that GGUF files use.
  init?(ggufCode code: UInt32) {
    let codes: [UInt32: ElementType] = [
      0: .float32, 1: .float16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 10: .q2_K,
      11: .q3_K, 12: .q4_K, 13: .q5_K, 14: .q6_K, 30: .bfloat16,
    ]
    guard let type = codes[code] else { return nil }
    self = type
  }
}
