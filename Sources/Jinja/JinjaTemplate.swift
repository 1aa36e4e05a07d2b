import Files

/// A template that is parsed once and rendered with any variables.
///
/// It is a program of unknown origin: it ends, soon and with little memory, and reaches nothing but its variables.
package struct JinjaTemplate: Sendable {
  private let statements: [JinjaStatement]
  /// Where it was read, for errors.
  private let file: String

  /// - Throws: when the source is not a template, or uses what no chat template needs.
  package init(_ source: String, file: String) throws(Problem) {
    statements = try JinjaParser.parse(source, file: file)
    self.file = file
  }

  /// The text that it writes, each stretch with its origin.
  /// - Parameter date: what `strftime_now` formats.
  package func render(
    _ variables: [String: JinjaValue], date: TemplateDate
  ) throws(Problem) -> JinjaText {
    try JinjaInterpreter.run(statements, file: file, date: date, variables: variables)
  }
}
