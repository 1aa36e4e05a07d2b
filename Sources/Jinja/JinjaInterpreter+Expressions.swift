import Files

extension JinjaInterpreter {
  func evaluate(_ expression: JinjaExpression) throws(Problem) -> JinjaValue {
    try descend { () throws(Problem) in
      line = expression.line
      return try value(of: expression.kind)
    }
  }

  private func value(of kind: JinjaExpression.Kind) throws(Problem) -> JinjaValue {
    switch kind {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .float(let value): return .float(value)
    case .string(let bytes): return .string(JinjaText(bytes))
    case .name(let name): return scope[name] ?? .undefined("'\(name)' is undefined")
    case .list(let items): return try list(try evaluate(all: items))
    case .tuple(let items): return try list(try evaluate(all: items), .tuple)
    case .dictionary(let members): return try dictionary(members)
    case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
    case .and(let terms): return try firstDecisive(terms, stopsAt: false)
    case .or(let terms): return try firstDecisive(terms, stopsAt: true)
    case .conditional(let condition, let then, let otherwise):
      if try evaluate(condition).isTrue { return try evaluate(then) }
      guard let otherwise else { return .undefined("the ternary without 'else' has no value") }
      return try evaluate(otherwise)
    default: return try operation(kind)
    }
  }

  private func operation(_ kind: JinjaExpression.Kind) throws(Problem) -> JinjaValue {
    switch kind {
    case .attribute(let base, let name): return try attribute(name, of: try evaluate(base))
    case .subscripting(let base, let key):
      return try item(try evaluate(key), of: try evaluate(base))
    case .slice(let base, let parts): return try slice(try evaluate(base), parts)
    case .call(let callee, let arguments):
      return try call(try evaluate(callee), try evaluate(arguments))
    case .filter(let operand, let name, let arguments):
      return try filter(name, try evaluate(operand), try evaluate(arguments))
    case .test(let operand, let name, let arguments, let isNegated):
      let result = try test(name, try evaluate(operand), try evaluate(arguments))
      return .bool(result != isNegated)
    case .minus(let operand):
      let value = try evaluate(operand)
      if case .float(let number) = value { return .float(-number) }
      return try arithmetic("-", .integer(0), value)
    case .plus(let operand): return try arithmetic("+", .integer(0), try evaluate(operand))
    case .concatenation(let pieces):
      var text = JinjaText()
      for piece in try evaluate(all: pieces) {
        let piece = try string(of: piece)
        try require(text.count + piece.count)
        try chargeText(piece.count)
        text.append(piece)
      }
      return .string(text)
    case .arithmetic(let first, let rest):
      var value = try evaluate(first)
      for (operation, operand) in rest {
        value = try arithmetic(operation, value, try evaluate(operand))
      }
      return value
    case .comparison(let first, let rest): return try comparison(first, rest)
    default: throw error("an expression that cannot be evaluated")
    }
  }

  func evaluate(all expressions: [JinjaExpression]) throws(Problem) -> [JinjaValue] {
    var values: [JinjaValue] = []
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  private func evaluate(_ arguments: JinjaArguments) throws(Problem) -> JinjaCallArguments {
    var values = JinjaCallArguments(positional: try evaluate(all: arguments.positional))
    for (name, value) in arguments.named { values.named.append((name, try evaluate(value))) }
    return values
  }

  private func dictionary(
    _ members: [(key: JinjaExpression, value: JinjaExpression)]
  ) throws(Problem) -> JinjaValue {
    var dictionary = JinjaDictionary()
    for (key, value) in members {
      guard case .string(let name) = try evaluate(key) else {
        throw error("only strings are supported as keys of a mapping", .templateUnsupported)
      }
      try charge(name.count / 64)
      dictionary.set(name, try evaluate(value))
    }
    return try check(.dictionary(dictionary))
  }

  /// Python's `and` and `or` give an operand, not a boolean.
  private func firstDecisive(
    _ terms: [JinjaExpression], stopsAt truth: Bool
  ) throws(Problem) -> JinjaValue {
    var value = JinjaValue.none
    for term in terms {
      value = try evaluate(term)
      if value.isTrue == truth { break }
    }
    return value
  }

  // MARK: Comparison

  private func comparison(
    _ first: JinjaExpression, _ rest: [(operation: String, operand: JinjaExpression)]
  ) throws(Problem) -> JinjaValue {
    var left = try evaluate(first)
    for (operation, operand) in rest {
      let right = try evaluate(operand)
      guard try compare(left, operation, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  func compare(
    _ left: JinjaValue, _ operation: String, _ right: JinjaValue
  ) throws(Problem) -> Bool {
    switch operation {
    case "==": return try equal(left, right)
    case "!=": return try !equal(left, right)
    case "in": return try contains(right, left)
    case "not in": return try !contains(right, left)
    case "<": return try precedes(left, right)
    case ">": return try precedes(right, left)
    case "<=":
      if try precedes(left, right) { return true }
      return try equal(left, right)
    default:
      if try precedes(right, left) { return true }
      return try equal(left, right)
    }
  }

  func equal(_ left: JinjaValue, _ right: JinjaValue) throws(Problem) -> Bool {
    try charge(min(left.weight, right.weight))
    return left.equals(right)
  }

  func precedes(_ left: JinjaValue, _ right: JinjaValue) throws(Problem) -> Bool {
    try charge(min(left.weight, right.weight))
    guard let result = left.precedes(right) else {
      throw error("\(left.kind) and \(right.kind) have no order")
    }
    return result
  }

  private func contains(
    _ container: JinjaValue, _ value: JinjaValue
  ) throws(Problem) -> Bool {
    switch (container, value) {
    case (.string(let text), .string(let needle)):
      try chargeSearch(for: needle, in: text)
      return text.contains(needle)
    case (.string, _): throw error("'in' a string expects a string, not \(value.kind)")
    case (.dictionary(let dictionary), .string(let key)):
      try charge(key.count / 64)
      return dictionary[key] != nil
    case (.dictionary, _): return false
    default:
      for element in try elements(of: container) where try equal(element, value) { return true }
      return false
    }
  }

  // MARK: Members

  /// What a loop runs over, or `list` makes a list of.
  func elements(of value: JinjaValue) throws(Problem) -> [JinjaValue] {
    switch value {
    case .list(let list):
      try charge(list.items.count / 16)
      return list.items
    case .dictionary(let dictionary):
      try charge(dictionary.keys.count)
      return dictionary.keys.map(JinjaValue.string)
    case .string(let text):
      try charge(text.count * JinjaLimits.piece)
      return text.characters.map(JinjaValue.string)
    case .undefined: return []
    default: throw error("\(value.kind) cannot be looped over")
    }
  }

  func attribute(_ name: String, of base: JinjaValue) throws(Problem) -> JinjaValue {
    try requirePublic(name)
    switch base {
    case .undefined(let reason): throw error("\(reason), so it has no member '\(name)'")
    case .dictionary(let dictionary):
      if Self.mappingMethods.contains(name) { return try check(.method(base, name)) }
      return dictionary[JinjaText(name)] ?? .undefined("the mapping has no member '\(name)'")
    case .string where Self.textMethods.contains(name): return .method(base, name)
    case .namespace(let namespace):
      return namespace.members[name] ?? .undefined("the namespace has no member '\(name)'")
    case .loop(let loop): return try member(name, of: loop)
    default: return .undefined("\(base.kind) has no member '\(name)'")
    }
  }

  func item(_ key: JinjaValue, of base: JinjaValue) throws(Problem) -> JinjaValue {
    if case .string(let name) = key { try charge(name.count / 64) }
    switch (base, key) {
    case (.undefined(let reason), _): throw error("\(reason), so it has no items")
    case (.dictionary(let dictionary), .string(let name)):
      if let value = dictionary[name] { return value }
      return try attribute(name.string, of: base)
    case (_, .string(let name)): return try attribute(name.string, of: base)
    case (.list(let list), _):
      guard let index = key.integer, let place = place(index, in: list.items.count) else { break }
      return list.items[place]
    case (.string(let text), _):
      try charge(text.count / 8)
      guard let index = key.integer, let place = place(index, in: text.scalarCount) else { break }
      let offsets = text.scalarOffsets
      return .string(text[offsets[place]..<offsets[place + 1]])
    default: break
    }
    return .undefined("\(base.kind) has no item of that key")
  }

  /// An index from either end; nil when it is outside.
  private func place(_ index: Int, in count: Int) -> Int? {
    if index >= 0 { return index < count ? index : nil }
    return index >= -count ? index + count : nil
  }

  private func member(_ name: String, of loop: JinjaLoop) throws(Problem) -> JinjaValue {
    let (index, items) = (loop.index, loop.items.items)
    switch name {
    case "index": return .integer(index + 1)
    case "index0": return .integer(index)
    case "revindex": return .integer(items.count - index)
    case "revindex0": return .integer(items.count - index - 1)
    case "first": return .bool(index == 0)
    case "last": return .bool(index == items.count - 1)
    case "length": return .integer(items.count)
    case "previtem": return index > 0 ? items[index - 1] : .undefined("there is no previous item")
    case "nextitem":
      return index + 1 < items.count ? items[index + 1] : .undefined("there is no next item")
    case "cycle": return .method(.loop(loop), name)
    default: throw error("'loop.\(name)' is not supported", .templateUnsupported)
    }
  }

  private func slice(
    _ base: JinjaValue, _ parts: [JinjaExpression?]
  ) throws(Problem) -> JinjaValue {
    var bounds: [Int?] = [nil, nil, nil]
    for (index, part) in parts.enumerated() {
      guard let part else { continue }
      switch try evaluate(part) {
      case .none: break
      case .integer(let bound): bounds[index] = bound
      case let other: throw error("a slice is bounded by integers, not by \(other.kind)")
      }
    }
    let step = bounds[2] ?? 1
    guard step != 0 else { throw error("a slice has the step 0") }
    switch base {
    case .list(let items):
      let places = sliced(items.items.count, bounds[0], bounds[1], step)
      return try list(places.map { items.items[$0] }, items.flavor)
    case .string(let text):
      try charge(text.count / 4)
      let offsets = text.scalarOffsets
      let places = sliced(offsets.count - 1, bounds[0], bounds[1], step)
      if step == 1 {
        guard let first = places.first, let last = places.last else { return .text("") }
        return .string(text[offsets[first]..<offsets[last + 1]])
      }
      try charge(places.count * JinjaLimits.piece)
      let characters = places.map { text[offsets[$0]..<offsets[$0 + 1]] }
      return .string(JinjaText.joined(characters, by: JinjaText()))
    default: throw error("\(base.kind) cannot be sliced")
    }
  }

  /// The places that Python's slice of a sequence picks.
  private func sliced(_ count: Int, _ start: Int?, _ stop: Int?, _ step: Int) -> [Int] {
    func clamped(_ bound: Int, _ low: Int, _ high: Int) -> Int {
      min(max(bound < 0 ? bound + count : bound, low), high)
    }
    let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
    let first = start.map { clamped($0, low, high) } ?? (step > 0 ? low : high)
    let last = stop.map { clamped($0, low, high) } ?? (step > 0 ? high : low)
    // No step needs to be longer than the sequence, and a huge one must not overflow.
    let stride = max(min(step, count + 1), -count - 1)
    return Array(Swift.stride(from: first, to: last, by: stride))
  }
}
