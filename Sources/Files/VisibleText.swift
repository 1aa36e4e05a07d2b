extension Unicode.Scalar {
  /// Whether it could begin a line, control a terminal, or turn or hide the text around it: control and
  /// format characters, among them those for the direction of writing, and line separators.
  package var isHarmful: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }
}

/// A text from outside on one line: harmful characters as escapes such as `\n` and `\u{202E}`.
///
/// - Parameter limit: characters; what is longer is cut there and ends in three dots.
package func onOneLine(_ text: String, limit: Int = .max) -> String {
  let scalars = text.unicodeScalars
  if limit == .max, !scalars.contains(where: \.isHarmful) { return text }
  var (result, count) = (String.UnicodeScalarView(), 0)
  for scalar in scalars {
    guard count < limit else {
      result.append(contentsOf: "...".unicodeScalars)
      break
    }
    if scalar.isHarmful {
      result.append(contentsOf: scalar.escaped(asASCII: true).unicodeScalars)
    } else {
      result.append(scalar)
    }
    count += 1
  }
  return String(result)
}

/// Bytes from a file as text for a message, cut after 80 characters.
package func printable(_ bytes: some Sequence<UInt8>) -> String {
  onOneLine(String(decoding: Array(bytes.prefix(321)), as: UTF8.self), limit: 80)
}

/// JSON with its harmful characters as escapes; it reads as the same values.
package func escapingHarmful(_ json: String) -> String {
  // Below U+007F, JSON's writers have escaped what is in strings; the rest is white space between values.
  func isEscaped(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x7F && scalar.isHarmful }
  guard json.unicodeScalars.contains(where: isEscaped) else { return json }
  var result = String.UnicodeScalarView()
  for scalar in json.unicodeScalars {
    guard isEscaped(scalar) else {
      result.append(scalar)
      continue
    }
    for unit in String(Character(scalar)).utf16 {
      let digits = String(unit, radix: 16)
      let escape = "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      result.append(contentsOf: escape.unicodeScalars)
    }
  }
  return String(result)
}
