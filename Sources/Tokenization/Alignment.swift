/// Leads from a normalised text back to the bytes that it came from.
///
/// Runs of equal units instead of a place for every byte: a verbatim text is one run, and so are ten
/// million spaces of which each became three bytes.
struct Alignment: Sendable {
  /// Units of `length` bytes, of which each came from `originLength` bytes.
  private struct Run {
    var start: Int32
    var length: Int32
    var origin: Int32
    var originLength: Int32
  }

  /// One list of runs for each step of the normalisation, the first step first.
  private var layers: [[Run]] = []

  /// The bytes of the original text that a range of the normalised text came from; empty, where the text
  /// goes on, for bytes that were put in.
  func origin(of range: Range<Int>) -> Range<Int> {
    layers.reversed().reduce(range) { range, runs in
      guard !range.isEmpty else {
        let start = Self.unit(of: range.lowerBound, in: runs).lowerBound
        return start..<start
      }
      let first = Self.unit(of: range.lowerBound, in: runs)
      return first.lowerBound..<Self.unit(of: range.upperBound - 1, in: runs).upperBound
    }
  }

  private static func unit(of position: Int, in runs: [Run]) -> Range<Int> {
    var (low, high) = (0, runs.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if Int(runs[middle].start) <= position { low = middle } else { high = middle }
    }
    let run = runs[low]
    let index = (position - Int(run.start)) / Int(run.length)
    let origin = Int(run.origin) + index * Int(run.originLength)
    return origin..<(origin + Int(run.originLength))
  }

  /// A text that grows while its origin is read from the left to the right.
  struct Builder {
    private(set) var bytes: [UInt8] = []
    private var runs: [Run] = []
    private var position: Int

    init(at position: Int) { self.position = position }

    /// Takes bytes over as they are.
    mutating func keep(_ kept: some Collection<UInt8>) {
      guard !kept.isEmpty else { return }
      beginRun(length: 1, originLength: 1)
      bytes.append(contentsOf: kept)
      position += kept.count
    }

    /// Writes one unit in place of the next `count` bytes of the origin.
    mutating func replace(_ count: Int, by unit: some Collection<UInt8>) {
      if !unit.isEmpty {
        beginRun(length: unit.count, originLength: count)
        bytes.append(contentsOf: unit)
      }
      position += count
    }

    private mutating func beginRun(length: Int, originLength: Int) {
      if let last = runs.last, Int(last.length) == length, Int(last.originLength) == originLength {
        let units = (bytes.count - Int(last.start)) / length
        if Int(last.origin) + units * originLength == position { return }
      }
      runs.append(
        Run(
          start: Int32(bytes.count), length: Int32(length), origin: Int32(position),
          originLength: Int32(originLength)))
    }

    /// The way back from the text that was built through an earlier normalisation.
    func alignment(behind earlier: Alignment) -> Alignment {
      var result = earlier
      if !runs.isEmpty { result.layers.append(runs) }
      return result
    }
  }
}

/// A text in memory and the way back from it to the text that was given.
struct SourceText {
  let bytes: UnsafeBufferPointer<UInt8>
  var alignment = Alignment()

  func origin(of range: Range<Int>) -> Range<Int> { alignment.origin(of: range) }
}
