/// Merges the symbols of one piece of text into tokens.
///
/// A heap over a linked list: O(n log n), where scanning for the best pair after each merge would take
/// n² steps for a long run of one character.
struct BytePairEncoder {
  /// A symbol of the word: a token so far, and its neighbours' indices (-1 at the ends).
  private struct Symbol {
    /// -1 for a character without a token.
    var id: Int32
    var previous: Int32 = -1
    var next: Int32 = -1
    /// An empty range once it has been merged into its left neighbour.
    var start: Int32
    var end: Int32

    var isMerged: Bool { start == end }
  }

  /// A pair that may merge. Ordered by rank, then from left to right, which decides every tie.
  private struct Candidate: Comparable {
    var rank: Int32
    var left: Int32
    /// The token that it becomes.
    var id: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      a.rank < b.rank || a.rank == b.rank && a.left < b.left
    }
  }

  private let model: BytePairModel
  private let vocabulary: Vocabulary
  /// The token of each ASCII character, -1 for one without, which makes most text fast.
  private let asciiIDs: [Int32]
  private var symbols: [Symbol] = []
  private var heap = Heap<Candidate>()

  init(_ tokenizer: Tokenizer) {
    model = tokenizer.model
    vocabulary = tokenizer.vocabulary
    asciiIDs = tokenizer.asciiIDs
  }

  /// Appends the tokens of the piece.
  mutating func encode(_ piece: Range<Int>, of text: SourceText, into encoding: inout Encoding) {
    let bytes = UnsafeBufferPointer(rebasing: text.bytes[piece])
    func append(_ id: Int32, _ start: Int, _ end: Int) {
      encoding.ids.append(id)
      encoding.byteRanges.append(
        text.origin(of: (piece.lowerBound + start)..<(piece.lowerBound + end)))
    }
    if model.ignoresMerges, let id = wholeToken(bytes) {
      return append(id, 0, bytes.count)
    }
    symbols.removeAll(keepingCapacity: true)
    if model.isByteLevel { splitIntoBytes(bytes) } else { splitIntoCharacters(bytes) }
    for index in symbols.indices {
      symbols[index].previous = Int32(index) - 1
      symbols[index].next = index + 1 < symbols.count ? Int32(index) + 1 : -1
    }
    merge(bytes)
    for symbol in symbols where !symbol.isMerged {
      let (start, end) = (Int(symbol.start), Int(symbol.end))
      if symbol.id >= 0 {
        append(symbol.id, start, end)
      } else {
        for offset in start..<end where model.byteIDs[Int(bytes[offset])] >= 0 {
          append(model.byteIDs[Int(bytes[offset])], offset, offset + 1)
        }
      }
    }
  }

  private func wholeToken(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
    let id =
      model.isByteLevel
      ? vocabulary.id(of: ByteAlphabet.written(bytes)) : vocabulary.id(of: bytes)
    return id.flatMap { model.isReserved[Int($0)] ? nil : $0 }
  }

  /// One symbol for each byte. A byte without a token is left out and its neighbours close up, as in the
  /// reference.
  private mutating func splitIntoBytes(_ bytes: UnsafeBufferPointer<UInt8>) {
    symbols.reserveCapacity(bytes.count)
    var fuses = false
    for (offset, byte) in bytes.enumerated() {
      append(model.byteIDs[Int(byte)], offset, offset + 1, fuses: &fuses)
    }
  }

  /// One symbol for each character, or for each of its bytes when it has no token.
  private mutating func splitIntoCharacters(_ bytes: UnsafeBufferPointer<UInt8>) {
    symbols.reserveCapacity(bytes.count)
    let reader = ScalarReader(bytes: bytes, end: bytes.count)
    var (position, fuses) = (0, false)
    while let next = reader.read(at: position) {
      let end = position + next.length
      defer { position = end }
      let id = characterID(UnsafeBufferPointer(rebasing: bytes[position..<end]))
      if id >= 0 || model.isScored {
        symbols.append(Symbol(id: id, start: Int32(position), end: Int32(end)))
        fuses = false
      } else if model.fallsBackToBytes {
        for offset in position..<end {
          append(model.byteIDs[Int(bytes[offset])], offset, offset + 1, fuses: &fuses)
        }
      } else {
        append(-1, position, end, fuses: &fuses)
      }
    }
  }

  private func characterID(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
    if bytes.count == 1, bytes[0] < 0x80 { return asciiIDs[Int(bytes[0])] }
    guard let id = vocabulary.id(of: bytes), !model.isReserved[Int(id)] else { return -1 }
    return id
  }

  /// Adds a symbol, or the unknown token where there is none; `fuses` tells that the last one was such.
  private mutating func append(_ id: Int32, _ start: Int, _ end: Int, fuses: inout Bool) {
    if id >= 0 {
      symbols.append(Symbol(id: id, start: Int32(start), end: Int32(end)))
      fuses = false
    } else if let unknown = model.unknownID {
      if fuses, model.fusesUnknown {
        symbols[symbols.count - 1].end = Int32(end)
      } else {
        symbols.append(Symbol(id: unknown, start: Int32(start), end: Int32(end)))
      }
      fuses = true
    }
  }

  private mutating func merge(_ bytes: UnsafeBufferPointer<UInt8>) {
    for index in symbols.indices.dropLast() { push(Int32(index), bytes) }
    while let best = heap.pop() {
      let left = Int(best.left)
      // The pair may have changed since it was pushed.
      guard let merge = candidate(at: left, bytes), merge.id == best.id else { continue }
      let right = Int(symbols[left].next)
      let next = symbols[right].next
      symbols[left].id = merge.id
      symbols[left].end = symbols[right].end
      symbols[left].next = next
      symbols[right].start = symbols[right].end
      if next >= 0 {
        symbols[Int(next)].previous = best.left
        push(best.left, bytes)
      }
      if symbols[left].previous >= 0 { push(symbols[left].previous, bytes) }
    }
  }

  /// The merge of the symbol with its right neighbour.
  private func candidate(at index: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Candidate? {
    let symbol = symbols[index]
    guard !symbol.isMerged, symbol.next >= 0 else { return nil }
    let right = symbols[Int(symbol.next)]
    switch model.order {
    case .merges(let merges):
      guard let merge = merges[symbol.id, right.id], !model.isReserved[Int(merge.id)] else {
        return nil
      }
      return Candidate(rank: merge.rank, left: Int32(index), id: merge.id)
    case .scores(let ranks):
      let union = UnsafeBufferPointer(rebasing: bytes[Int(symbol.start)..<Int(right.end)])
      guard let id = vocabulary.id(of: union), ranks[Int(id)] >= 0 else { return nil }
      return Candidate(rank: ranks[Int(id)], left: Int32(index), id: id)
    }
  }

  private mutating func push(_ index: Int32, _ bytes: UnsafeBufferPointer<UInt8>) {
    guard let candidate = candidate(at: Int(index), bytes) else { return }
    heap.push(candidate)
  }
}
