/// Merges the bytes of one piece of text into tokens.
///
/// A heap over a linked list: O(n log n), where scanning for the best pair after each merge would take
/// n² steps for a long run of one character.
struct BytePairEncoder {
  /// A symbol of the word: a token so far, and its neighbours' indices (-1 at the ends).
  private struct Symbol {
    /// -1 once it has been merged into its left neighbour.
    var id: Int32
    var previous: Int32
    var next: Int32
    var start: Int32
    var end: Int32
  }

  /// A pair that may merge. Ordered by rank, then from left to right, which decides every tie.
  private struct Candidate: Comparable {
    var rank: Int32
    var left: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      a.rank < b.rank || a.rank == b.rank && a.left < b.left
    }
  }

  private let merges: MergeTable
  private let vocabulary: Vocabulary
  private let ignoresMerges: Bool
  /// The token of each byte, -1 for one that is left out.
  private let byteIDs: [Int32]
  private var symbols: [Symbol] = []
  private var heap = Heap<Candidate>()

  init(_ tokenizer: Tokenizer) {
    merges = tokenizer.merges
    vocabulary = tokenizer.vocabulary
    ignoresMerges = tokenizer.ignoresMerges
    byteIDs = tokenizer.byteIDs
  }

  /// Appends the tokens of the piece; `origin` leads from a range of `bytes` to the original text's.
  mutating func encode(
    _ piece: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>, into encoding: inout Encoding,
    origin: (Range<Int>) -> Range<Int>
  ) {
    if ignoresMerges,
      let id = vocabulary.id(of: ByteAlphabet.written(bytes[piece]))
    {
      encoding.ids.append(id)
      encoding.byteRanges.append(origin(piece))
      return
    }
    split(piece, of: bytes)
    merge()
    for symbol in symbols where symbol.id >= 0 {
      let start = piece.lowerBound + Int(symbol.start)
      encoding.ids.append(symbol.id)
      encoding.byteRanges.append(origin(start..<(piece.lowerBound + Int(symbol.end))))
    }
  }

  /// One symbol for each byte. A byte without a token is left out and its neighbours close up, as in the
  /// reference.
  private mutating func split(_ piece: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) {
    symbols.removeAll(keepingCapacity: true)
    symbols.reserveCapacity(piece.count)
    for (offset, byte) in bytes[piece].enumerated() {
      let id = byteIDs[Int(byte)]
      guard id >= 0 else { continue }
      let index = Int32(symbols.count)
      symbols.append(
        Symbol(
          id: id, previous: index - 1, next: index + 1, start: Int32(offset), end: Int32(offset + 1)
        )
      )
    }
    if !symbols.isEmpty { symbols[symbols.count - 1].next = -1 }
  }

  private mutating func merge() {
    for index in symbols.indices.dropLast() { push(Int32(index)) }
    while let best = heap.pop() {
      let left = Int(best.left)
      // The pair may have changed since it was pushed.
      guard let merge = merge(at: left), merge.rank == best.rank else { continue }
      let right = Int(symbols[left].next)
      let next = symbols[right].next
      symbols[left].id = merge.id
      symbols[left].end = symbols[right].end
      symbols[left].next = next
      symbols[right].id = -1
      if next >= 0 {
        symbols[Int(next)].previous = best.left
        push(best.left)
      }
      if symbols[left].previous >= 0 { push(symbols[left].previous) }
    }
  }

  /// The merge of the symbol with its right neighbour.
  private func merge(at index: Int) -> MergeTable.Merge? {
    let symbol = symbols[index]
    guard symbol.id >= 0, symbol.next >= 0 else { return nil }
    return merges[symbol.id, symbols[Int(symbol.next)].id]
  }

  private mutating func push(_ index: Int32) {
    guard let merge = merge(at: Int(index)) else { return }
    heap.push(Candidate(rank: merge.rank, left: index))
  }
}
