import Files

/// How `tojson` writes: the options of Python's `json.dumps` that transformers offers.
struct JinjaJSONStyle {
  var indent: String?
  var itemSeparator = ", "
  var keySeparator = ": "
  var isASCII = false
  var sortsKeys = false
  /// Of quotes and brackets: JSON that holds a person's words is theirs as a whole.
  var origin: JinjaText.Origin
}

extension JinjaInterpreter {
  func json(
    _ value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    let options = try arguments.bound(
      to: ["ensure_ascii", "indent", "separators", "sort_keys"], of: "'tojson'", self)
    var style = JinjaJSONStyle(origin: value.foreignOrigin ?? .template)
    style.isASCII = options[0]?.isTrue ?? false
    style.sortsKeys = options[3]?.isTrue ?? false
    switch options[1] {
    case nil, .some(.none): break
    case .string(let text) where text.count <= JinjaLimits.depth: style.indent = text.string
    case .integer(let width) where width <= JinjaLimits.depth:
      style.indent = String(repeating: " ", count: max(width, 0))
    default: throw error("'tojson' cannot indent by that")
    }
    if style.indent != nil { style.itemSeparator = "," }
    switch options[2] {
    case nil, .some(.none): break
    case .list(let pair):
      guard pair.items.count == 2, let item = pair.items[0].text, let key = pair.items[1].text,
        item.count <= JinjaLimits.depth, key.count <= JinjaLimits.depth
      else { fallthrough }
      (style.itemSeparator, style.keySeparator) = (item.string, key.string)
    default: throw error("'tojson' expects two strings as separators")
    }
    var text = JinjaText()
    try append(value, to: &text, style, level: 1)
    return .string(text)
  }

  private func append(
    _ value: JinjaValue, to text: inout JinjaText, _ style: JinjaJSONStyle, level: Int
  ) throws(Problem) {
    try charge()
    switch value {
    case .none: text.append("null".utf8, origin: style.origin)
    case .bool(let value): text.append((value ? "true" : "false").utf8, origin: style.origin)
    case .integer(let value): text.append(String(value).utf8, origin: style.origin)
    case .float(let value):
      let words = ["nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"]
      let number = value.pythonText
      text.append((words[number] ?? number).utf8, origin: style.origin)
    case .string(let string): try append(string, to: &text, style)
    case .list(let list) where list.flavor != .view:
      try append("[", "]", list.items.count, to: &text, style, level) {
        (index, text) throws(Problem) in
        try append(list.items[index], to: &text, style, level: level + 1)
      }
    case .dictionary(let dictionary):
      var order = Array(dictionary.keys.indices)
      if style.sortsKeys {
        order.sort {
          dictionary.keys[$0].bytes.lexicographicallyPrecedes(dictionary.keys[$1].bytes)
        }
      }
      try append("{", "}", order.count, to: &text, style, level) {
        (index, text) throws(Problem) in
        try append(dictionary.keys[order[index]], to: &text, style)
        text.append(style.keySeparator.utf8, origin: style.origin)
        try append(dictionary.values[order[index]], to: &text, style, level: level + 1)
      }
    default: throw error("\(value.kind) cannot be written as JSON")
    }
    try require(text.count)
  }

  private func append(
    _ open: String, _ close: String, _ count: Int, to text: inout JinjaText,
    _ style: JinjaJSONStyle, _ level: Int,
    _ appendItem: (Int, inout JinjaText) throws(Problem) -> Void
  ) throws(Problem) {
    func breakLine(_ level: Int) {
      guard let indent = style.indent, count > 0 else { return }
      text.append(("\n" + String(repeating: indent, count: level)).utf8, origin: style.origin)
    }
    text.append(open.utf8, origin: style.origin)
    for index in 0..<count {
      if index > 0 { text.append(style.itemSeparator.utf8, origin: style.origin) }
      breakLine(level)
      try appendItem(index, &text)
    }
    breakLine(level - 1)
    text.append(close.utf8, origin: style.origin)
  }

  private func append(
    _ string: JinjaText, to text: inout JinjaText, _ style: JinjaJSONStyle
  ) throws(Problem) {
    // An escape can be six times as long as what it stands for.
    try charge(string.count / 8)
    text.append("\"".utf8, origin: style.origin)
    text.append(string.mapped { $0.jsonText(isASCII: style.isASCII) })
    text.append("\"".utf8, origin: style.origin)
  }
}

extension JinjaValue {
  /// The origin of the first stretch of text in it that the template did not write.
  fileprivate var foreignOrigin: JinjaText.Origin? {
    switch self {
    case .string(let text): text.foreignOrigin
    case .list(let list): list.items.lazy.compactMap(\.foreignOrigin).first
    case .dictionary(let dictionary):
      dictionary.keys.lazy.compactMap(\.foreignOrigin).first
        ?? dictionary.values.lazy.compactMap(\.foreignOrigin).first
    default: nil
    }
  }
}

extension Unicode.Scalar {
  fileprivate func jsonText(isASCII: Bool) -> String {
    switch self {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    case "\u{8}": return "\\b"
    case "\u{C}": return "\\f"
    default:
      guard value < 0x20 || (isASCII && value > 0x7E) else { return String(Character(self)) }
      if isASCII, value == 0x7F { return String(Character(self)) }
      return UTF16.encode(self)?.map { "\\u" + UInt32($0).hexadecimal(digits: 4) }.joined() ?? ""
    }
  }
}
