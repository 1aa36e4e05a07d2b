import Testing

@testable import Files

@Suite struct JSONReaderTests {
  private func parse(_ text: String) throws -> JSON {
    try JSONReader.parse(Array(text.utf8), file: "test.json")
  }

  @Test(arguments: [
    ("null", JSON.null), (" \t\r\n true ", .bool(true)), ("false", .bool(false)),
    ("0", .number("0")), ("-0", .number("-0")), ("-12.5e+3", .number("-12.5e+3")),
    ("1E-2", .number("1E-2")),
    ("123456789012345678901234567890", .number("123456789012345678901234567890")),
    (#""""#, .string([])), (#""\"\\\/\b\f\n\r\t""#, .string([34, 92, 47, 8, 12, 10, 13, 9])),
    (#""é""#, .string(Array("é".utf8))), (#""\u00e9\u00E9""#, .string(Array("éé".utf8))),
    (#""\ud83d\ude00""#, .string(Array("😀".utf8))), (#""\uffff""#, .string([0xEF, 0xBF, 0xBF])),
    (#""\u0000""#, .string([0])), ("\"\u{7F}\"", .string([0x7F])),
    ("[]", .array([])), ("[ 1 , [ ] ]", .array([.number("1"), .array([])])),
  ])
  func accepts(text: String, value: JSON) throws {
    #expect(try parse(text) == value)
  }

  @Test func objectsKeepTheirOrder() throws {
    let json = try parse(#"{ "b" : 1 , "a" : { } , "" : [{}] }"#)
    #expect(json.object?.members.map(\.key) == [[98], [97], []])
    #expect(json["b"]?.int == 1)
    #expect(json["a"]?.object?.members.isEmpty == true)
    #expect(json["c"] == nil)
    // Canonically equivalent keys are two keys.
    #expect(try parse("{\"\u{E9}\":1,\"e\u{301}\":2}").object?.members.count == 2)
  }

  @Test(arguments: [
    "", " ", "{", "[", "\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[1", "[1,",
    "[1,]", "{\"a\":1,}", "{,}", "[,]", "[1 2]", "{\"a\" 1}", "{a:1}", "{'a':1}", "{1:1}", "1 2",
    "{}x",
    "nul", "nulll", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+",
    "0x1",
    "1_000", "// c\n1", "/* c */1", "\u{FEFF}1", "\"\n\"", "\"\u{1F}\"", "\"\u{0}\"",
    #""\x""#, #""\u12""#, #""\u12g4""#, #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#,
    #""\ud800\ud800""#, #""\ud800x""#, #""\u+123""#, #""\"#, #""\u"#, "\u{A0}1", "\u{2028}1",
  ])
  func refuses(text: String) throws {
    let error = expectProblem(.notJSON) { try parse(text) }
    #expect(error?.subject == "test.json")
    #expect(error?.place.hasPrefix("byte ") == true)
  }

  @Test(
    arguments: [
      [0xFF], [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82],
      [0xE2, 0x28, 0xA1], [0xF0, 0x9F, 0x98], [0xC3], [0xC3, 0x28],
    ] as [[UInt8]])
  func refusesInvalidUTF8(bytes: [UInt8]) {
    expectProblem(.notUTF8) { try JSONReader.parse([34] + bytes + [34], file: "test.json") }
    #expect(!bytes.withUnsafeBytes { isValidUTF8($0) })
  }

  @Test func acceptsTheBordersOfUTF8() {
    for scalar in [
      "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}",
      "\u{10FFFF}",
    ] {
      #expect(Array(scalar.utf8).withUnsafeBytes { isValidUTF8($0) })
    }
  }

  @Test func refusesDuplicateKeysInAnySpelling() {
    let error = expectProblem(.duplicateKey) { try parse(#"{"a":1,"b":2,"\u0061":3}"#) }
    #expect(error?.problem == "the key 'a' is here twice")
    let hostile = expectProblem(.duplicateKey) { try parse(#"{"\u001b[2J":1,"\u001b[2J":3}"#) }
    #expect(hostile?.problem == "the key '\\u{1B}[2J' is here twice")
  }

  @Test func boundsDepthAndValues() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(try parse(nested(128)).array?.count == 1)
    for text in [nested(129), nested(1_000_000), String(repeating: "{\"a\":", count: 1_000_000)] {
      expectProblem(.tooDeep) { try parse(text) }
    }
    let five = Array("[1,[2,3]]".utf8)
    expectProblem(.tooLarge) {
      try five.withUnsafeBytes { try JSONReader.parse($0, file: "", valueLimit: 4) }
    }
    #expect(throws: Never.self) {
      try five.withUnsafeBytes { try JSONReader.parse($0, file: "", valueLimit: 5) }
    }
  }

  @Test func numbersAreReadExactly() throws {
    #expect(try parse("9223372036854775807").int == .max)
    #expect(try parse("9223372036854775808").int == nil)
    #expect(try parse("-9223372036854775808").int == .min)
    #expect(try parse("3.0").int == nil)
    #expect(try parse("3e0").int == nil)
    #expect(try parse("0.1").double == 0.1)
    #expect(try parse("1e400").double == nil)
    #expect(try parse("5e-324").double == .leastNonzeroMagnitude)
    #expect(try parse("\"1\"").int == nil)
  }
}
