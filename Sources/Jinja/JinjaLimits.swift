import Files

/// What a template may cost. A published template stays three orders of magnitude below.
enum JinjaLimits {
  /// A step also pays for about 64 bytes of memory, so that they bound both.
  static let steps = 1_000_000
  /// Of brackets and blocks in the source, and of lists and mappings in a value.
  static let depth = 64
  /// Of expressions, blocks and macros that wait for one another while the template runs.
  /// It takes less than one megabyte of stack optimised, and less than two otherwise.
  static let stack = 400
  /// A macro's call takes as much stack as these many nested expressions.
  static let levelsOfMacro = 8
  /// Bytes of a string, and of the whole output, at most.
  static let text = 16 << 20
  /// Bytes that a template may make out of nothing, and for each byte that it was given: a message as
  /// JSON of Unicode escapes is six times as long. What it makes is cut into tokens afterwards, which
  /// takes up to a hundred bytes for each of its own.
  static let textOfItsOwn = 256 << 10
  static let growth = 8
  /// Bytes of a text that a step pays for: few where texts may only be short, so that all that are made
  /// take some megabytes together.
  static func bytesOfStep(longestText: Int) -> Int { min(max(longestText >> 15, 8), 64) }
  /// Steps for a piece cut out of a text, which takes 200 bytes and more while others are made.
  static let piece = 8
  /// How much more folding a text's case costs than comparing it.
  static let folding = 4
  /// Characters of an error, which may quote what the template made.
  static let problem = 1000
  /// As in Jinja's own sandbox.
  static let range = 100_000
  /// Bytes of a template's source; its syntax tree takes up to a hundred times as much.
  static let source = 128 << 10
}

extension Problem {
  static func template(
    _ code: Problem.Code, _ file: String, _ line: Int, _ problem: String,
    remedy: String = "correct the chat template or use another one"
  ) -> Problem {
    let start = problem.unicodeScalars.prefix(JinjaLimits.problem)
    return Problem(
      code, file, place: "line \(line)",
      problem: start.endIndex == problem.endIndex ? problem : String(start) + "...", remedy: remedy)
  }
}
