/// The tokens as their file writes them, found by id and by bytes.
///
/// One arena of bytes and an open-addressing table instead of a dictionary of strings: equality is of
/// bytes, never canonical, and 49,152 tokens cost three allocations.
struct Vocabulary: Sendable {
  /// Four times the largest vocabulary in use; a larger id would only make the tables large.
  static let largestCount = 1 << 20

  enum Conflict: Error, Equatable {
    case idTaken
    case textTaken(by: Int32)
  }

  private var arena: [UInt8] = []
  /// Where each id's text stands in the arena; empty and starting at -1 for an id without a token.
  private var places: [Range<Int>] = []
  private var slots: [Int32]
  /// The number of tokens, which is below `count` when ids are left out.
  private(set) var tokenCount = 0

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = Array(repeating: -1, count: size)
    places.reserveCapacity(capacity)
    arena.reserveCapacity(capacity * 7)
  }

  /// One more than the largest id.
  var count: Int { places.count }

  /// The token's text, nil for an id without a token.
  func text(of id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, id < places.count, places[Int(id)].lowerBound >= 0 else { return nil }
    return arena[places[Int(id)]]
  }

  /// The id of the token with exactly these bytes.
  func id(of text: UnsafeBufferPointer<UInt8>) -> Int32? {
    let id = slots[slot(of: text)]
    return id < 0 ? nil : id
  }

  func id(of text: [UInt8]) -> Int32? { text.withUnsafeBufferPointer { id(of: $0) } }

  /// Adds a token; `id` must be below `largestCount`.
  mutating func insert(_ text: [UInt8], id: Int32) throws(Conflict) {
    if tokenCount * 2 >= slots.count { grow() }
    let slot = text.withUnsafeBufferPointer { self.slot(of: $0) }
    if slots[slot] >= 0 { throw .textTaken(by: slots[slot]) }
    while places.count <= Int(id) { places.append(-1..<(-1)) }
    guard places[Int(id)].lowerBound < 0 else { throw .idTaken }
    places[Int(id)] = arena.count..<(arena.count + text.count)
    arena.append(contentsOf: text)
    slots[slot] = id
    tokenCount += 1
  }

  /// The slot that holds the text, or the empty one where it belongs.
  private func slot(of text: UnsafeBufferPointer<UInt8>) -> Int {
    // The seeded hasher: a file cannot choose texts that collide.
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(text))
    let first = hasher.finalize() & (slots.count - 1)
    return slots.withUnsafeBufferPointer { slots in
      var slot = first
      while slots[slot] >= 0, !self.text(of: slots[slot], equals: text) {
        slot = (slot + 1) & (slots.count - 1)
      }
      return slot
    }
  }

  private func text(of id: Int32, equals text: UnsafeBufferPointer<UInt8>) -> Bool {
    let place = places[Int(id)]
    guard place.count == text.count else { return false }
    for offset in 0..<text.count where arena[place.lowerBound + offset] != text[offset] {
      return false
    }
    return true
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: slots.count * 2)
    for (id, place) in places.enumerated() where place.lowerBound >= 0 {
      let slot = arena.withUnsafeBufferPointer {
        self.slot(of: UnsafeBufferPointer(rebasing: $0[place]))
      }
      slots[slot] = Int32(id)
    }
  }
}
