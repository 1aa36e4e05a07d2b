/// Which pairs of tokens merge, in which order, and into what.
struct MergeTable: Sendable {
  struct Merge: Equatable {
    /// The position in the file's list: the lowest in a word is merged first.
    var rank: Int32
    var id: Int32
  }

  private static let empty = UInt64.max
  private var keys: [UInt64]
  private var merges: [Merge]
  private let shift: Int
  /// Odd and drawn anew, so that a file cannot choose pairs that collide. No result depends on it.
  private let multiplier = UInt64.random(in: 0...UInt64.max) | 1
  private(set) var count = 0

  init(capacity: Int) {
    var bits = 4
    while 1 << bits < capacity * 2 { bits += 1 }
    shift = 64 - bits
    keys = Array(repeating: Self.empty, count: 1 << bits)
    merges = Array(repeating: Merge(rank: -1, id: -1), count: 1 << bits)
  }

  /// Adds the merge with the next rank, at most `capacity` of them; false when the pair is there already.
  mutating func append(_ left: Int32, _ right: Int32, into id: Int32) -> Bool {
    let slot = slot(of: left, right)
    guard keys[slot] == Self.empty else { return false }
    keys[slot] = Self.key(left, right)
    merges[slot] = Merge(rank: Int32(count), id: id)
    count += 1
    return true
  }

  subscript(left: Int32, right: Int32) -> Merge? {
    let slot = slot(of: left, right)
    return keys[slot] == Self.empty ? nil : merges[slot]
  }

  /// Every merge as left, right and merged id, in order of rank.
  var ordered: [(left: Int32, right: Int32, id: Int32)] {
    var result = Array(repeating: (left: Int32(0), right: Int32(0), id: Int32(0)), count: count)
    for (key, merge) in zip(keys, merges) where key != Self.empty {
      let left = Int32(truncatingIfNeeded: key >> 32)
      result[Int(merge.rank)] = (left, Int32(truncatingIfNeeded: key), merge.id)
    }
    return result
  }

  /// Ids are never negative, so that no pair has the key of an empty slot.
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func slot(of left: Int32, _ right: Int32) -> Int {
    let key = Self.key(left, right)
    var slot = Int(truncatingIfNeeded: (key &* multiplier) >> UInt64(shift))
    while keys[slot] != Self.empty, keys[slot] != key { slot = (slot + 1) & (keys.count - 1) }
    return slot
  }
}
