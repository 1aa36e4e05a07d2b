import Bathyscope

/// Something that says what ablating a set of heads does in each prompt.
protocol HeadsScorer {
  var prompts: [HeadPrompt] { get }
  /// The heads that can have an effect.
  var heads: [Head] { get }

  /// For each candidate, the effect in each of the given prompts of ablating it together with a base.
  func effects(
    extending base: [Head], by candidates: [Head], in places: [Int]
  ) throws -> [[Double]]

  /// The effect of a set of heads in each of the given prompts.
  func effects(of heads: [Head], in places: [Int]) throws -> [Double]
}

/// A score at the last token: a base with every head is one sweep, a set whole forward passes.
struct StudyScorer: HeadsScorer {
  let runner: HeadsRunner
  private let clean: [Double]

  init(_ runner: HeadsRunner) throws {
    self.runner = runner
    clean = try runner.study.scores(ablating: [])
  }

  var prompts: [HeadPrompt] { runner.study.prompts }
  var heads: [Head] { runner.study.heads }

  func effects(
    extending base: [Head], by candidates: [Head], in places: [Int]
  ) throws -> [[Double]] {
    try runner.complete(base: base, places: Set(places))
    var rows: [HeadStudy.Row] = []
    try runner.forEachRow(of: base) { rows.append($0) }
    let cleanByPrompt = Dictionary(uniqueKeysWithValues: places.map { ($0, clean[$0]) })
    return HeadStudy.effects(of: candidates, clean: cleanByPrompt, rows: rows)
  }

  func effects(of heads: [Head], in places: [Int]) throws -> [Double] {
    try runner.effects(of: heads, in: places, clean: clean)
  }
}
