/// What a template may cost. A published template stays three orders of magnitude below.
enum JinjaLimits {
  static let steps = 1_000_000
  /// Of brackets and blocks in the source, and of lists and mappings in a value.
  static let depth = 64
  /// Of expressions, blocks and macros that wait for one another while the template runs.
  /// It takes less than one megabyte of stack optimised, and less than two otherwise.
  static let stack = 400
  /// A macro's call takes as much stack as these many nested expressions.
  static let levelsOfMacro = 8
  /// Bytes of a string, and of the whole output.
  static let text = 16 << 20
  /// As in Jinja's own sandbox.
  static let range = 100_000
  /// Bytes of a template's source.
  static let source = 1 << 20
}

extension TokenizationError {
  static func template(
    _ file: String, _ line: Int, _ problem: String,
    remedy: String = "correct the chat template or use another one"
  ) -> TokenizationError {
    TokenizationError(file: file, place: "line \(line)", problem: problem, remedy: remedy)
  }
}
