import Files

extension JinjaInterpreter {
  /// Python's `str` of a value.
  func string(of value: JinjaValue) throws(Problem) -> JinjaText {
    switch value {
    case .string(let text): return text
    case .undefined: return JinjaText()
    default:
      var text = JinjaText()
      try appendRepresentation(of: value, to: &text)
      return text
    }
  }

  /// Python's `repr` of a value.
  private func appendRepresentation(
    of value: JinjaValue, to text: inout JinjaText
  ) throws(Problem) {
    try charge()
    switch value {
    case .none: text.append("None".utf8, origin: .template)
    case .bool(let value): text.append((value ? "True" : "False").utf8, origin: .template)
    case .integer(let value): text.append(String(value).utf8, origin: .template)
    case .float(let value): text.append(value.pythonText.utf8, origin: .template)
    case .string(let string):
      // An escape can be four times as long as what it stands for.
      try charge(string.count / 16)
      text.append(string.quoted)
    case .list(let list) where list.flavor != .view:
      let isTuple = list.flavor == .tuple
      text.append((isTuple ? "(" : "[").utf8, origin: .template)
      for (index, item) in list.items.enumerated() {
        if index > 0 { text.append(", ".utf8, origin: .template) }
        try appendRepresentation(of: item, to: &text)
      }
      if isTuple, list.items.count == 1 { text.append(",".utf8, origin: .template) }
      text.append((isTuple ? ")" : "]").utf8, origin: .template)
    case .dictionary(let dictionary):
      text.append("{".utf8, origin: .template)
      for (index, key) in dictionary.keys.enumerated() {
        if index > 0 { text.append(", ".utf8, origin: .template) }
        try charge(key.count / 16)
        text.append(key.quoted)
        text.append(": ".utf8, origin: .template)
        try appendRepresentation(of: dictionary.values[index], to: &text)
      }
      text.append("}".utf8, origin: .template)
    case .undefined: text.append("Undefined".utf8, origin: .template)
    case .list: throw error("a view or generator has no text: use 'list' or 'join' on it")
    default: throw error("\(value.kind) has no text")
    }
    try require(text.count)
  }
}

extension Double {
  /// Python's `repr`: the shortest digits that read back as the same number.
  var pythonText: String {
    if isNaN { return "nan" }
    if isInfinite { return self < 0 ? "-inf" : "inf" }
    let text = description
    guard magnitude >= 1e16, !text.contains("e") else { return text }
    // Swift writes integers out up to 2^54, Python only below 1e16.
    var digits = magnitude.description.dropLast(2)
    let exponent = digits.count - 1
    while digits.last == "0" { digits = digits.dropLast() }
    let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
    return "\(self < 0 ? "-" : "")\(digits.prefix(1))\(fraction)e+\(exponent)"
  }
}

extension JinjaText {
  /// The text in quotes with Python's escapes.
  var quoted: JinjaText {
    let isDouble = bytes.contains(UInt8(ascii: "'")) && !bytes.contains(UInt8(ascii: "\""))
    let quote: Unicode.Scalar = isDouble ? "\"" : "'"
    let body = mapped { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\n": "\\n"
      case "\r": "\\r"
      case "\t": "\\t"
      case quote: "\\\(quote)"
      default: scalar.isPythonPrintable ? String(Character(scalar)) : scalar.pythonEscape
      }
    }
    var result = JinjaText(String(Character(quote)))
    result.append(body)
    result.append(String(Character(quote)).utf8, origin: .template)
    return result
  }
}

extension Unicode.Scalar {
  fileprivate var isPythonPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator: self == " "
    default: true
    }
  }

  fileprivate var pythonEscape: String {
    switch value {
    case ..<0x100: "\\x" + value.hexadecimal(digits: 2)
    case ..<0x10000: "\\u" + value.hexadecimal(digits: 4)
    default: "\\U" + value.hexadecimal(digits: 8)
    }
  }
}

extension UInt32 {
  func hexadecimal(digits: Int) -> String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
