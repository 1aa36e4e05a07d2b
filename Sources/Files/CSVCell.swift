/// A cell of a table in CSV (RFC 4180) that a spreadsheet shows and does not compute.
package enum CSVCell {
  /// A text as a cell: harmful characters as escapes, quoted where it has to be, and behind an apostrophe
  /// where a spreadsheet would read a formula.
  ///
  /// A number stays as it is, also a negative one.
  package static func text(_ text: String) -> String {
    let line = onOneLine(text)
    let cell = isFormula(line) ? "'" + line : line
    let needsQuotes = cell.unicodeScalars.contains { [",", ";", "\""].contains($0) }
    guard needsQuotes else { return cell }
    return "\"" + cell.replacing("\"", with: "\"\"") + "\""
  }

  /// Whether a spreadsheet could take it for one: signs count after white space, and in their wide forms.
  private static func isFormula(_ text: String) -> Bool {
    let start = text.unicodeScalars.drop { $0.properties.isWhitespace }
    switch start.first {
    case "=", "@", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}": return true
    case "+", "-": return !isNumber(text)
    default: return false
    }
  }

  /// Digits and what a decimal number has besides; `-0x10` and `-1+A1` are none.
  private static func isNumber(_ text: String) -> Bool {
    let isDecimal = text.utf8.allSatisfy { "0123456789.eE+-".utf8.contains($0) }
    return text == "-inf" || isDecimal && Double(text) != nil
  }
}
