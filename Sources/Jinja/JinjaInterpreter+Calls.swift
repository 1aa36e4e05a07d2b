import Files

/// Functions, and the methods of strings, mappings and loops.
extension JinjaInterpreter {
  static let mappingMethods: Set<String> = [
    "items", "keys", "values", "get", "copy", "pop", "popitem", "update", "setdefault", "clear",
    "fromkeys",
  ]

  static let textMethods: Set<String> = [
    "startswith", "endswith", "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines",
    "replace", "upper", "lower", "title", "capitalize", "join", "find", "rfind", "index", "count",
    "removeprefix", "removesuffix", "partition", "rpartition", "isdigit", "isspace",
  ]

  func call(
    _ callee: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    switch callee {
    case .function(let name): return try call(function: name, arguments)
    case .macro(let macro): return try call(macro, arguments)
    case .method(.string(let text), let name):
      try charge(text.count / 16)
      return try call(name, of: text, arguments)
    case .method(.dictionary(let dictionary), let name):
      return try call(name, of: dictionary, arguments)
    case .method(.loop(let loop), _):
      guard !arguments.positional.isEmpty else { throw error("'loop.cycle' expects values") }
      return arguments.positional[loop.index % arguments.positional.count]
    case .undefined(let reason): throw error("\(reason), so it cannot be called")
    default: throw error("\(callee.kind) cannot be called")
    }
  }

  private func call(
    function name: String, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    switch name {
    case "range": return try range(arguments)
    case "namespace": return try makeNamespace(arguments)
    case "dict":
      var dictionary = JinjaDictionary()
      for (key, value) in try arguments.members(self) { dictionary.set(key, value) }
      return try check(.dictionary(dictionary))
    case "strftime_now":
      let format = try arguments.bound(to: ["format"], of: "'strftime_now'", self)[0]
      guard let text = format?.text, text.count <= JinjaLimits.problem,
        let result = date.formatted(text.string)
      else {
        throw error("'strftime_now' does not know this format", .templateUnsupported)
      }
      return .text(result)
    default:
      let message = try arguments.bound(to: ["message"], of: "'raise_exception'", self)[0]
      let said = try string(of: message ?? .none).bytes.prefix(4 * JinjaLimits.problem)
      let text = String(decoding: said, as: UTF8.self)
      throw Problem.template(
        .templateRefuses, file, line, "the chat template refuses the conversation: \(text)",
        remedy: "give it messages in the order and with the roles that it expects")
    }
  }

  private func range(_ arguments: JinjaCallArguments) throws(Problem) -> JinjaValue {
    guard arguments.named.isEmpty, (1...3).contains(arguments.positional.count) else {
      throw error("'range' expects one to three integers")
    }
    var bounds: [Int] = []
    for value in arguments.positional {
      guard let bound = value.integer else {
        throw error("'range' expects integers, not \(value.kind)")
      }
      bounds.append(bound)
    }
    let (start, stop) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
    let step = bounds.count == 3 ? bounds[2] : 1
    guard step != 0 else { throw error("'range' has the step 0") }
    let (span, overflows) = stop.subtractingReportingOverflow(start)
    guard !overflows, span.magnitude / step.magnitude < JinjaLimits.range else {
      throw error("'range' is longer than \(JinjaLimits.range)", .templateLimit)
    }
    return try list(stride(from: start, to: stop, by: step).map(JinjaValue.integer), .view)
  }

  private func call(
    _ name: String, of dictionary: JinjaDictionary, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    if name == "get" {
      let options = try arguments.bound(to: ["key", "default"], of: "'get'", self)
      guard let key = options[0] else { throw error("'get' expects a key") }
      try charge((key.text?.count ?? 0) / 64)
      return key.text.flatMap { dictionary[$0] } ?? options[1] ?? .none
    }
    _ = try arguments.bound(to: [], of: "'\(name)'", self)
    switch name {
    case "items": return try items(of: dictionary)
    case "keys": return try list(dictionary.keys.map(JinjaValue.string), .view)
    case "values": return try list(dictionary.values, .view)
    case "copy": return .dictionary(dictionary)
    default: throw error("the method '\(name)' of a mapping is not supported", .templateUnsupported)
    }
  }

  func items(of dictionary: JinjaDictionary) throws(Problem) -> JinjaValue {
    try charge(dictionary.keys.count * JinjaLimits.piece)
    return try list(dictionary.items, .view)
  }

  private func call(
    _ name: String, of text: JinjaText, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    func bound(_ parameters: String...) throws(Problem) -> [JinjaValue?] {
      try arguments.bound(to: parameters, of: "'\(name)'", self)
    }
    switch name {
    case "upper", "lower", "capitalize", "replace":
      return try filter(name, .string(text), arguments)
    case "startswith", "endswith":
      let wanted = try bound("prefix")[0]
      return .bool(try matches(text, wanted, name))
    case "strip", "lstrip", "rstrip":
      let side: JinjaText.Side = name == "strip" ? .both : name == "lstrip" ? .left : .right
      return .string(text.trimmed(side, try optionalText(try bound("chars")[0], name)))
    case "split", "rsplit":
      let options = try bound("sep", "maxsplit")
      let separator = try optionalText(options[0], name)
      let limit = options[1]?.integer ?? -1
      let pieces = try split(text, separator, limit < 0 ? .max : limit, fromEnd: name == "rsplit")
      return try list(pieces.map(JinjaValue.string))
    case "join":
      guard let items = try bound("iterable")[0] else { throw error("'join' expects a sequence") }
      return .string(try joined(try elements(of: items), by: .string(text)))
    case "title":
      _ = try bound()
      return .string(text.capitalized { !($0?.properties.isAlphabetic ?? false) })
    case "splitlines":
      _ = try bound()
      return try list(try lines(of: text).map(JinjaValue.string))
    case "isdigit", "isspace":
      _ = try bound()
      let scalars = text.string.unicodeScalars
      return .bool(
        !scalars.isEmpty
          && scalars.allSatisfy {
            name == "isspace" ? $0.isPythonSpace : $0.properties.numericType == .decimal
          })
    default:
      guard let needle = try optionalText(try bound("sub")[0], name) else {
        throw error("'\(name)' expects a string")
      }
      return try search(name, text, needle)
    }
  }

  private func search(
    _ name: String, _ text: JinjaText, _ needle: JinjaText
  ) throws(Problem) -> JinjaValue {
    switch name {
    case "removeprefix", "removesuffix":
      let (isPrefix, length) = (name == "removeprefix", text.count - needle.count)
      guard isPrefix ? text.bytes.starts(with: needle.bytes) : text.ends(with: needle) else {
        return .string(text)
      }
      return .string(isPrefix ? text[needle.count..<text.count] : text[0..<length])
    case "find", "index":
      try chargeSearch(for: needle, in: text)
      guard let offset = text.find(needle) else {
        guard name == "find" else { throw error("'index' does not find its text") }
        return .integer(-1)
      }
      return .integer(text[0..<offset].scalarCount)
    default: break
    }
    guard !needle.isEmpty else { throw error("'\(name)' expects a text that is not empty") }
    try chargeSearch(for: needle, in: text)
    switch name {
    case "count": return .integer(text.occurrences(of: needle).count)
    case "rfind":
      let offset = text.occurrencesFromEnd(of: needle, limit: 1).first
      return .integer(offset.map { text[0..<$0].scalarCount } ?? -1)
    default:
      let isFirst = name == "partition"
      let hits =
        isFirst
        ? text.occurrences(of: needle, limit: 1) : text.occurrencesFromEnd(of: needle, limit: 1)
      guard let offset = hits.first else {
        let empty = JinjaValue.text("")
        return try list(
          isFirst ? [.string(text), empty, empty] : [empty, empty, .string(text)], .tuple)
      }
      let end = offset + needle.count
      return try list(
        [text[0..<offset], text[offset..<end], text[end..<text.count]].map(JinjaValue.string),
        .tuple)
    }
  }

  private func matches(
    _ text: JinjaText, _ wanted: JinjaValue?, _ name: String
  ) throws(Problem) -> Bool {
    switch wanted {
    case .string(let part):
      try charge(min(part.count, text.count) / 64)
      return name == "startswith" ? text.bytes.starts(with: part.bytes) : text.ends(with: part)
    case .list(let list) where list.flavor == .tuple:
      for item in list.items {
        try charge()
        guard item.text != nil else { break }
        if try matches(text, item, name) { return true }
      }
      return false
    default: throw error("'\(name)' expects a string or a tuple of strings")
    }
  }

  private func split(
    _ text: JinjaText, _ separator: JinjaText?, _ limit: Int, fromEnd: Bool
  ) throws(Problem) -> [JinjaText] {
    guard let separator else {
      guard !fromEnd || limit == .max else {
        throw error("'rsplit' with a limit expects a separator")
      }
      try charge(text.count / 8 + text.spaceCount * JinjaLimits.piece)
      return text.words(limit: limit)
    }
    guard !separator.isEmpty else { throw error("a text cannot be split at an empty one") }
    try chargeSearch(for: separator, in: text)
    if !fromEnd {
      let offsets = text.occurrences(of: separator, limit: limit)
      try charge(offsets.count * JinjaLimits.piece)
      return text.split(at: offsets, separatorCount: separator.count)
    }
    let offsets = text.occurrencesFromEnd(of: separator, limit: limit)
    try charge(offsets.count * JinjaLimits.piece)
    return text.split(at: offsets.reversed(), separatorCount: separator.count)
  }

  private func lines(of text: JinjaText) throws(Problem) -> [JinjaText] {
    var (lines, start, offset): ([JinjaText], Int, Int) = ([], 0, 0)
    let breaks: Set<Unicode.Scalar> = [
      "\n", "\r", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}", "\u{2029}",
    ]
    var previous: Unicode.Scalar?
    for scalar in text.string.unicodeScalars {
      let end = offset + UTF8.width(scalar)
      if scalar == "\n", previous == "\r" {
        start = end
      } else if breaks.contains(scalar) {
        try charge(JinjaLimits.piece)
        lines.append(text[start..<offset])
        start = end
      }
      offset = end
      previous = scalar
    }
    return start < text.count ? lines + [text[start..<text.count]] : lines
  }
}

extension JinjaText {
  func ends(with other: JinjaText) -> Bool {
    count >= other.count && bytes[(count - other.count)...].elementsEqual(other.bytes)
  }
}
