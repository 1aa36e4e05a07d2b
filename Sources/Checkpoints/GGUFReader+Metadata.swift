import Files

extension GGUFReader {
  mutating func key(_ index: Int) throws(Problem) {
    let keyLength = try length("key \(index): length")
    guard (1...65_535).contains(keyLength) else {
      throw .damaged(
        .outOfRange, file, "key \(index): length", "\(keyLength) is not from 1 to 65535")
    }
    let name = try take(keyLength, "key \(index)")
    guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .damaged(
        .invalidName, file, "key \(index)", "'\(printable(name))' is not an ASCII name")
    }
    let key = String(decoding: name, as: UTF8.self)
    let place = "key '\(printable(name))'"
    try spend(256 + keyLength, place)
    guard table.metadata[key] == nil else {
      throw .damaged(.duplicateKey, file, place, "is here twice")
    }
    let type = try number(UInt32.self, "\(place): type")
    guard key != "general.alignment" || type == 4 else {
      throw .damaged(.wrongType, file, place, "its type is not a 32-bit unsigned integer")
    }
    table.metadata[key] = try value(type, place)
  }

  mutating func value(
    _ type: UInt32, _ place: String
  ) throws(Problem) -> MetadataValue {
    switch type {
    case 0: .integer(Int(try number(UInt8.self, place)))
    case 1: .integer(Int(try number(Int8.self, place)))
    case 2: .integer(Int(try number(UInt16.self, place)))
    case 3: .integer(Int(try number(Int16.self, place)))
    case 4: .integer(Int(try number(UInt32.self, place)))
    case 5: .integer(Int(try number(Int32.self, place)))
    case 6: .float(Double(Float(bitPattern: try number(UInt32.self, place))))
    case 7: .bool(try truth(place))
    case 8: .string(try string(place))
    case 9: try array(place)
    case 10: unsigned(try number(UInt64.self, place))
    case 11: .integer(Int(try number(Int64.self, place)))
    case 12: .float(Double(bitPattern: try number(UInt64.self, place)))
    default: throw .damaged(.wrongType, file, "\(place): type", "\(type) is not a type of value")
    }
  }

  func unsigned(_ value: UInt64) -> MetadataValue {
    Int(exactly: value).map { .integer($0) } ?? .unsigned(value)
  }

  mutating func array(_ place: String) throws(Problem) -> MetadataValue {
    let type = try number(UInt32.self, "\(place): element type")
    let count = try number(UInt64.self, "\(place): length")
    // The fewest bytes that an element takes: a string's is its length.
    let sizes: [UInt32: UInt64] = [
      0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 8: 8, 10: 8, 11: 8, 12: 8,
    ]
    guard let size = sizes[type] else {
      throw .damaged(
        type == 9 ? .unsupported : .wrongType, file, "\(place): element type",
        type == 9 ? "arrays of arrays are not supported" : "\(type) is not a type of value")
    }
    guard let length = Int(exactly: count), count <= UInt64(bytes.count - position) / size else {
      throw .damaged(
        .cutShort, file, "\(place): length",
        "\(count) elements do not fit into the file of \(bytes.count)")
    }
    // Of the file and of the value; the strings' own bytes are paid for as they are read.
    try spend(length * (Int(size) + 8), place)
    return try elements(type, length, place)
  }

  mutating func elements(
    _ type: UInt32, _ count: Int, _ place: String
  ) throws(Problem) -> MetadataValue {
    switch type {
    case 0: .integers(try numbers(count, place) { (value: UInt8) in Int(value) })
    case 1: .integers(try numbers(count, place) { (value: Int8) in Int(value) })
    case 2: .integers(try numbers(count, place) { (value: UInt16) in Int(value) })
    case 3: .integers(try numbers(count, place) { (value: Int16) in Int(value) })
    case 4: .integers(try numbers(count, place) { (value: UInt32) in Int(value) })
    case 5: .integers(try numbers(count, place) { (value: Int32) in Int(value) })
    case 6:
      .floats(
        try numbers(count, place) { (bits: UInt32) in Double(Float(bitPattern: bits)) })
    case 7: .bools(try list(count) { (reader) throws(Problem) in try reader.truth(place) })
    case 8:
      .strings(try list(count) { (reader) throws(Problem) in try reader.string(place) })
    case 12: .floats(try numbers(count, place) { (bits: UInt64) in Double(bitPattern: bits) })
    default:
      .integers(
        try list(count) { (reader) throws(Problem) in
          let value = try reader.number(Int64.self, place)
          guard type == 11 || value >= 0 else {
            throw .damaged(.tooLarge, reader.file, place, "\(UInt64(bitPattern: value)) overflows")
          }
          return Int(value)
        })
    }
  }

  mutating func list<Value>(
    _ count: Int, _ element: (inout GGUFReader) throws(Problem) -> Value
  ) throws(Problem) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try element(&self)) }
    return values
  }

  mutating func numbers<Stored: FixedWidthInteger, Value>(
    _ count: Int, _ place: String, _ convert: (Stored) -> Value
  ) throws(Problem) -> [Value] {
    try list(count) { (reader) throws(Problem) in
      convert(try reader.number(Stored.self, place))
    }
  }

  mutating func truth(_ place: @autoclosure () -> String) throws(Problem) -> Bool {
    let byte = try number(UInt8.self, place())
    guard byte <= 1 else {
      throw .damaged(.outOfRange, file, place(), "\(byte) is not a truth value")
    }
    return byte == 1
  }

  mutating func string(
    _ place: @autoclosure () -> String
  ) throws(Problem) -> [UInt8] {
    let length = try length("\(place()): length of a string")
    try spend(48 + 2 * length, place())
    return Array(try take(length, place()))
  }
}

// MARK: Bytes

extension GGUFReader {
  mutating func number<Number: FixedWidthInteger>(
    _ type: Number.Type, _ place: @autoclosure () -> String
  ) throws(Problem) -> Number {
    let bytes = try take(MemoryLayout<Number>.size, place())
    return Number(littleEndian: bytes.loadUnaligned(as: Number.self))
  }

  /// A length that the bytes left can hold.
  mutating func length(
    _ place: @autoclosure () -> String
  ) throws(Problem) -> Int {
    let length = try number(UInt64.self, place())
    guard length <= UInt64(bytes.count - position) else {
      throw .damaged(
        .cutShort, file, place(),
        "\(Int64(bitPattern: length)) bytes do not fit into the file of \(bytes.count)")
    }
    return Int(length)
  }

  mutating func take(
    _ count: Int, _ place: @autoclosure () -> String
  ) throws(Problem) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - position else {
      throw .damaged(.cutShort, file, place(), "the file of \(bytes.count) bytes ends in it")
    }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
  }
}
