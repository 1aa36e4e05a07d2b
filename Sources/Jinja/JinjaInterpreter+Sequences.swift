import Files

/// The filters that work on sequences.
extension JinjaInterpreter {
  func mapped(
    _ value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    let items = try elements(of: value)
    var results: [JinjaValue] = []
    if arguments.positional.isEmpty {
      let options = try arguments.bound(to: ["attribute", "default"], of: "'map'", self)
      guard let path = options[0] else {
        throw error("'map' expects a filter or 'attribute'")
      }
      results = try items.attributes(path, self)
      if let fallback = options[1] { results = results.map { $0.isUndefined ? fallback : $0 } }
    } else {
      guard let name = arguments.positional[0].text?.string else {
        throw error("'map' expects the name of a filter")
      }
      var rest = arguments
      rest.positional.removeFirst()
      for item in items {
        results.append(
          try descend { () throws(Problem) in try filter(name, item, rest) })
      }
    }
    return try list(results, .view)
  }

  /// `select`, `reject`, `selectattr` and `rejectattr`.
  func selected(
    _ value: JinjaValue, _ arguments: JinjaCallArguments, by name: String
  ) throws(Problem) -> JinjaValue {
    var rest = arguments
    let items = try elements(of: value)
    var subjects = items
    if name.hasSuffix("attr") {
      guard !rest.positional.isEmpty else { throw error("'\(name)' expects an attribute") }
      subjects = try items.attributes(rest.positional.removeFirst(), self)
    }
    var testName: String?
    if !rest.positional.isEmpty {
      testName = rest.positional.removeFirst().text?.string
      if testName == nil { throw error("'\(name)' expects the name of a test") }
    }
    var kept: [JinjaValue] = []
    for (item, subject) in zip(items, subjects) {
      try charge()
      let holds = try testName.map { (test) throws(Problem) in
        try self.test(test, subject, rest)
      }
      if (holds ?? subject.isTrue) == name.hasPrefix("select") { kept.append(item) }
    }
    return try list(kept, .view)
  }

  func sortedMembers(
    of value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    guard case .dictionary(let dictionary) = value else {
      throw error("'dictsort' expects a mapping, not \(value.kind)")
    }
    let options = try arguments.bound(
      to: ["case_sensitive", "by", "reverse"], of: "'dictsort'", self)
    let by = options[1]?.text?.string ?? "key"
    guard by == "key" || by == "value" else {
      throw error("'dictsort' sorts by 'key' or by 'value'")
    }
    let subjects = by == "key" ? dictionary.keys.map(JinjaValue.string) : dictionary.values
    return try sorted(
      dictionary.items, by: subjects, ignoresCase: !(options[0]?.isTrue ?? false),
      isReversed: options[2]?.isTrue ?? false)
  }

  func sorted(
    _ value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    let options = try arguments.bound(
      to: ["reverse", "case_sensitive", "attribute"], of: "'sort'", self)
    let items = try elements(of: value)
    let subjects = try options[2].map { (path) throws(Problem) in
      try items.attributes(path, self)
    }
    return try sorted(
      items, by: subjects ?? items, ignoresCase: !(options[1]?.isTrue ?? false),
      isReversed: options[0]?.isTrue ?? false)
  }

  /// Python's stable sort, also when reversed.
  private func sorted(
    _ items: [JinjaValue], by subjects: [JinjaValue], ignoresCase: Bool, isReversed: Bool
  ) throws(Problem) -> JinjaValue {
    let weight = subjects.reduce(0) { $0 + $1.weight }
    try charge(ignoresCase ? weight * JinjaLimits.folding : weight)
    let keys = ignoresCase ? subjects.map(\.foldedCase) : subjects
    for (first, second) in zip(keys, keys.dropFirst()) { _ = try precedes(first, second) }
    var problem: Problem?
    let order = items.indices.sorted { first, second in
      guard problem == nil else { return false }
      do throws(Problem) {
        if try precedes(keys[first], keys[second]) { return !isReversed }
        if try precedes(keys[second], keys[first]) { return isReversed }
      } catch {
        problem = error
      }
      return first < second
    }
    if let problem { throw problem }
    return try list(order.map { items[$0] })
  }

  func unique(_ value: JinjaValue) throws(Problem) -> JinjaValue {
    var (kept, keys): ([JinjaValue], [JinjaValue]) = ([], [])
    next: for item in try elements(of: value) {
      try charge(item.weight * JinjaLimits.folding)
      let key = item.foldedCase
      for seen in keys where try equal(seen, key) { continue next }
      keys.append(key)
      kept.append(item)
    }
    return try list(kept, .view)
  }
}

extension JinjaValue {
  fileprivate var foldedCase: JinjaValue { text.map { .string($0.lowercased) } ?? self }
}

extension [JinjaValue] {
  /// The member of each that a dotted path such as `function.name` leads to.
  func attributes(
    _ path: JinjaValue, _ interpreter: JinjaInterpreter
  ) throws(Problem) -> [JinjaValue] {
    var keys: [JinjaValue] = [path]
    if case .string(let text) = path {
      try interpreter.charge(text.count * JinjaLimits.piece)
      keys = text.string.split(separator: ".", omittingEmptySubsequences: false).map {
        Int($0).map(JinjaValue.integer) ?? .text(String($0))
      }
    }
    var results: [JinjaValue] = []
    for item in self {
      var value = item
      for key in keys {
        try interpreter.charge()
        value = try interpreter.item(key, of: value)
      }
      results.append(value)
    }
    return results
  }
}
