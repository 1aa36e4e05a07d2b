import Bathyscope

/// What a row of a study of heads is of.
enum HeadsPlace: Hashable, Codable {
  /// All heads of a block in a prompt, a base ablated throughout.
  case block(base: [Head], layer: Int, prompt: Int)
  /// A set of heads in some prompts.
  case set(heads: [Head], prompts: [Int])
}

/// A finished row of a study of heads.
enum HeadsRow: Codable {
  case block(HeadStudy.Row)
  /// What ablating a set does, one for each prompt.
  case effects([Double])
  /// What a judge said of the answers with a set ablated: one for each sample of each prompt, the samples of
  /// one prompt together.
  case verdicts([Judgement.Outcome])
}

extension HeadsPlace {
  init(_ row: HeadStudy.Row) {
    self = .block(base: row.base, layer: row.layer, prompt: row.prompt)
  }

  var isBlock: Bool { if case .block = self { true } else { false } }
}
