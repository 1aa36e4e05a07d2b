/// What the pieces of a text merge into.
struct BytePairModel: Sendable {
  enum Order: Sendable {
    /// A list of pairs, the first of them first.
    case merges(MergeTable)
    /// Any two neighbours whose union is a token; the rank of each token, the lowest first, -1 for one that
    /// nothing merges into. SentencePiece's way.
    case scores([Int32])
  }

  var order: Order
  /// The first symbols are bytes; otherwise they are characters.
  var isByteLevel = true
  /// A character without a token becomes the tokens of its bytes.
  var fallsBackToBytes = false
  /// A piece that is a token as a whole is that token, whatever the merges say (Llama 3).
  var ignoresMerges = false
  /// The token of a symbol that has none; nil leaves such a symbol out.
  var unknownID: Int32?
  /// Several unknown symbols in a row become one token.
  var fusesUnknown = false
  /// The token of each single byte, -1 for a byte without one.
  var byteIDs = [Int32](repeating: -1, count: 256)
  /// For each id whether no text merges into it: a special token in a person's words stays text, and a
  /// token that is only found whole is not a character.
  var isReserved: [Bool] = []

  var isScored: Bool { if case .scores = order { true } else { false } }

  /// Names the ids that no text merges into, and finds the token of each byte.
  mutating func resolve(_ vocabulary: Vocabulary, reserved: some Sequence<Int32>) {
    isReserved = Array(repeating: false, count: vocabulary.count)
    for id in reserved { isReserved[Int(id)] = true }
    for byte in UInt8.min...UInt8.max {
      if isByteLevel {
        let id = vocabulary.id(of: ByteAlphabet.written([byte]))
        byteIDs[Int(byte)] = id.flatMap { isReserved[Int($0)] ? nil : $0 } ?? -1
      } else if fallsBackToBytes {
        byteIDs[Int(byte)] = vocabulary.id(of: TokenDecoder.name(ofByte: byte)) ?? -1
      }
    }
  }

  /// The token of each ASCII character, -1 for one without.
  func asciiIDs(_ vocabulary: Vocabulary) -> [Int32] {
    (0..<128).map { byte in
      vocabulary.id(of: [UInt8(byte)]).flatMap { isReserved[Int($0)] ? nil : $0 } ?? -1
    }
  }
}
