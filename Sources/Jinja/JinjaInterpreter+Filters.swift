import Files

extension JinjaInterpreter {
  func filter(
    _ name: String, _ value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    let callee = "'\(name)'"
    switch name {
    case "tojson": return try json(value, arguments)
    case "default", "d":
      let options = try arguments.bound(to: ["default_value", "boolean"], of: callee, self)
      let isReplaced = value.isUndefined || ((options[1]?.isTrue ?? false) && !value.isTrue)
      return isReplaced ? options[0] ?? .text("") : value
    case "map": return try mapped(value, arguments)
    case "select", "reject", "selectattr", "rejectattr":
      return try selected(value, arguments, by: name)
    case "dictsort": return try sortedMembers(of: value, arguments)
    case "sort": return try sorted(value, arguments)
    case "join":
      let options = try arguments.bound(to: ["d", "attribute"], of: callee, self)
      var items = try elements(of: value)
      if let path = options[1] { items = try items.attributes(path, self) }
      return .string(try joined(items, by: options[0] ?? .text("")))
    case "replace", "indent", "trim", "upper", "lower", "capitalize", "title", "string", "safe":
      return try textFilter(name, value, arguments)
    default: return try simpleFilter(name, value, arguments)
    }
  }

  private func simpleFilter(
    _ name: String, _ value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    let parameters = ["int": ["default"], "float": ["default"]][name] ?? []
    let options = try arguments.bound(to: parameters, of: "'\(name)'", self)
    if case .string(let text) = value { try charge(text.count / 16) }
    switch name {
    case "length", "count": return .integer(try length(of: value))
    case "list": return try list(try elements(of: value))
    case "first": return try elements(of: value).first ?? .undefined("the sequence is empty")
    case "last": return try elements(of: value).last ?? .undefined("the sequence is empty")
    case "reverse":
      let items = try elements(of: value)
      guard case .string = value else { return try list(items.reversed(), .view) }
      return .string(JinjaText.joined(items.reversed().compactMap(\.text), by: JinjaText()))
    case "unique": return try unique(value)
    case "items":
      if value.isUndefined { return try list([], .view) }
      guard case .dictionary(let dictionary) = value else {
        throw error("'items' expects a mapping, not \(value.kind)")
      }
      return try items(of: dictionary)
    case "int": return try integer(value) ?? options[0] ?? .integer(0)
    case "float": return float(value).map(JinjaValue.float) ?? options[0] ?? .float(0)
    case "abs":
      guard case .float(let number) = value else {
        guard let number = value.integer else { throw error("'abs' expects a number") }
        return number < 0 ? try arithmetic("-", .integer(0), value) : .integer(number)
      }
      return .float(number.magnitude)
    default: throw error("the filter '\(name)' is not supported", .templateUnsupported)
    }
  }

  private func textFilter(
    _ name: String, _ value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    let text = try string(of: value)
    try charge(text.count / 16)
    let parameters = [
      "trim": ["chars"], "replace": ["old", "new", "count"], "indent": ["width", "first", "blank"],
    ]
    let options = try arguments.bound(to: parameters[name] ?? [], of: "'\(name)'", self)
    switch name {
    case "trim": return .string(text.trimmed(.both, try optionalText(options[0], "trim")))
    case "upper": return .string(text.uppercased)
    case "lower": return .string(text.lowercased)
    case "capitalize":
      return .string(text.capitalized { $0 == nil })
    case "title":
      return .string(
        text.capitalized { previous in
          previous.map { $0.isPythonSpace || "-({[<".unicodeScalars.contains($0) } ?? true
        })
    case "replace":
      guard let old = options[0], let new = options[1] else {
        throw error("'replace' expects what to replace and by what")
      }
      return try replaced(
        text, try string(of: old), by: try string(of: new), limit: options[2]?.integer ?? -1)
    case "indent": return .string(try indented(text, options))
    default: return .string(text)
    }
  }

  func optionalText(_ value: JinjaValue?, _ callee: String) throws(Problem) -> JinjaText? {
    switch value {
    case nil, .some(.none): return nil
    case .string(let text):
      try charge(text.count / 16)
      return text
    case .some(let other): throw error("'\(callee)' expects a string, not \(other.kind)")
    }
  }

  private func indented(
    _ text: JinjaText, _ options: [JinjaValue?]
  ) throws(Problem) -> JinjaText {
    let margin: JinjaText
    switch options[0] {
    case .string(let text): margin = text
    case let width:
      margin = JinjaText(
        String(repeating: " ", count: min(max(width?.integer ?? 4, 0), JinjaLimits.depth)))
    }
    let newline = JinjaText("\n")
    // As Jinja does it: a final line break is dropped.
    try chargeSearch(for: newline, in: text)
    let breaks = text.occurrences(of: newline)
    try charge(breaks.count * JinjaLimits.piece)
    var lines = text.split(at: breaks, separatorCount: 1)
    if lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
    try reserve(text.count + lines.count * (margin.count + 1))
    let (indentsFirst, indentsBlank) = (options[1]?.isTrue ?? false, options[2]?.isTrue ?? false)
    for index in lines.indices
    where index == 0 ? indentsFirst : indentsBlank || !lines[index].isEmpty {
      lines[index] = JinjaText.joined([margin, lines[index]], by: JinjaText())
    }
    return JinjaText.joined(lines, by: newline)
  }

  func length(of value: JinjaValue) throws(Problem) -> Int {
    switch value {
    case .string(let text):
      try charge(text.count / 64)
      return text.scalarCount
    case .list(let list): return list.items.count
    case .dictionary(let dictionary): return dictionary.keys.count
    case .undefined: return 0
    default: throw error("\(value.kind) has no length")
    }
  }

  private func integer(_ value: JinjaValue) throws(Problem) -> JinjaValue? {
    if let integer = value.integer { return .integer(integer) }
    if case .string(let text) = value, let integer = Int(text.trimmed(.both).string) {
      return .integer(integer)
    }
    guard let number = float(value) else { return nil }
    guard let integer = Int(exactly: number.rounded(.towardZero)) else {
      throw error("the number is beyond 64 bits")
    }
    return .integer(integer)
  }

  private func float(_ value: JinjaValue) -> Double? {
    if case .string(let text) = value { return Double(text.trimmed(.both).string) }
    return value.number
  }

  func joined(
    _ items: [JinjaValue], by separator: JinjaValue
  ) throws(Problem) -> JinjaText {
    let separator = try string(of: separator)
    var result = JinjaText()
    for (index, item) in items.enumerated() {
      let text = try string(of: item)
      try require(result.count + separator.count + text.count)
      try charge()
      try chargeText(separator.count + text.count)
      if index > 0 { result.append(separator) }
      result.append(text)
    }
    return result
  }

  func replaced(
    _ text: JinjaText, _ old: JinjaText, by new: JinjaText, limit: Int
  ) throws(Problem) -> JinjaValue {
    guard !old.isEmpty else { throw error("an empty text cannot be replaced") }
    try chargeSearch(for: old, in: text)
    let offsets = text.occurrences(of: old, limit: limit < 0 ? .max : limit)
    let (added, overflows) = offsets.count.multipliedReportingOverflow(by: new.count)
    try reserve(overflows ? .max : text.count + added)
    try charge(offsets.count * JinjaLimits.piece)
    let pieces = text.split(at: offsets, separatorCount: old.count)
    return .string(JinjaText.joined(pieces, by: new))
  }
}
