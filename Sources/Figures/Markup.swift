/// Text on its way into HTML and SVG.
///
/// What a model wrote is hostile: it may hold tags, terminal escapes, characters that turn the text
/// around them, and characters that no XML document may hold. All of them are shown, none obeyed.
enum Markup {
  /// The text with markup escaped and invisible characters made visible; new lines and tabs stay.
  static func escape(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default: result += visible(scalar)
      }
    }
    return result
  }

  /// A token as an axis label: escaped, its spaces and line ends shown, and never long.
  static func tokenLabel(_ token: String) -> String { escape(shortened(token)) }

  /// The label before it is escaped, as wide as it will be seen.
  static func shortened(_ token: String, limit: Int = 14) -> String {
    var label = ""
    // Scalars, because one character can carry any number of combining marks.
    for scalar in token.unicodeScalars.prefix(limit) {
      switch scalar {
      case " ": label += "\u{B7}"
      case "\n": label += "\u{21B5}"
      case "\t": label += "\u{21E5}"
      default: label.unicodeScalars.append(scalar)
      }
    }
    if token.unicodeScalars.count > limit { label += "\u{2026}" }
    return label.isEmpty ? "\u{2205}" : label
  }

  private static func visible(_ scalar: Unicode.Scalar) -> String {
    // U+2400 begins the pictures of the control characters.
    if scalar.value < 0x20, let picture = Unicode.Scalar(0x2400 + scalar.value) {
      return String(Character(picture))
    }
    switch scalar.properties.generalCategory {
    case .format where scalar.value == 0x200C || scalar.value == 0x200D:
      return String(Character(scalar))  // Persian words and emoji need the joiners.
    case .control, .format, .unassigned, .surrogate, .lineSeparator, .paragraphSeparator:
      let digits = String(scalar.value, radix: 16, uppercase: true)
      return "\u{27E8}U+" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
        + "\u{27E9}"
    default:
      return String(Character(scalar))
    }
  }

  /// A file name and fragment from a title: lower-case letters, digits and hyphens.
  static func slug(_ title: String) -> String {
    let words = title.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    let slug = String(words.joined(separator: "-").prefix(48))
    return slug.isEmpty ? "figure" : slug
  }
}
