import Transformer

/// A block and a prompt: what makes one row of a sweep.
struct HeadUnit: Hashable, Sendable {
  var layer: Int
  /// The prompt's place in the study.
  var prompt: Int
}

/// The variants of a sweep, made when they are asked for: every prompt as it is, and then each head of each
/// unit ablated.
struct HeadVariants: RandomAccessCollection, Sendable {
  private let study: HeadStudy
  private let units: [HeadUnit]
  /// The prompts of the units, as places in the study; a variant's sequence is a place among them.
  let places: [Int]
  private let sequences: [Int: Int]

  init(_ study: HeadStudy, _ units: [HeadUnit]) {
    (self.study, self.units) = (study, units)
    places = Set(units.map(\.prompt)).sorted()
    sequences = Dictionary(uniqueKeysWithValues: zip(places, 0...))
  }

  private var heads: Int { study.model.shape.heads }

  var startIndex: Int { 0 }
  var endIndex: Int { places.count + units.count * heads }

  subscript(index: Int) -> Variant {
    let (unit, prompt, head) = place(of: index)
    guard let head else { return Variant(of: index, []) }
    return Variant(
      of: sequences[prompt] ?? 0,
      [
        study.table.intervention(
          Head(layer: units[unit].layer, head: head), prompt: prompt,
          at: study.prompts[prompt].touched)
      ])
  }

  /// Which unit, prompt and head a variant is of; no head for a prompt as it is.
  func place(of index: Int) -> (unit: Int, prompt: Int, head: Int?) {
    guard index >= places.count else { return (-1, places[index], nil) }
    let unit = (index - places.count) / heads
    return (unit, units[unit].prompt, (index - places.count) % heads)
  }
}
