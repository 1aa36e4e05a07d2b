import Files

/// A value of a running template; its rules of truth, equality and order are Python's.
package enum JinjaValue {
  /// A name or member that does not exist: prints as nothing, and any use of it is an error that
  /// says this.
  case undefined(String)
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(JinjaText)
  case list(JinjaList)
  case dictionary(JinjaDictionary)
  case namespace(JinjaNamespace)
  case loop(JinjaLoop)
  case macro(JinjaMacro)
  case function(String)
  indirect case method(JinjaValue, String)

  package static func text(_ text: String) -> JinjaValue { .string(JinjaText(text)) }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .string(let value): !value.isEmpty
    case .list(let value): !value.items.isEmpty
    case .dictionary(let value): !value.keys.isEmpty
    default: true
    }
  }

  /// The name of the type in an error.
  var kind: String {
    switch self {
    case .undefined(let reason): reason
    case .none: "None"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .float: "a float"
    case .string: "a string"
    case .list: "a list"
    case .dictionary: "a mapping"
    case .namespace: "a namespace"
    case .loop: "the loop variable"
    case .macro(let macro): "the macro '\(macro.syntax.name)'"
    case .function(let name): "the function '\(name)'"
    case .method(_, let name): "the method '\(name)'"
    }
  }

  /// How deep lists and mappings are nested in it; bounded, so that no recursion over a value can
  /// exhaust the stack.
  var depth: Int {
    switch self {
    case .list(let list): list.depth
    case .dictionary(let dictionary): dictionary.depth
    case .loop(let loop): loop.items.depth + 1
    case .method(let receiver, _): receiver.depth + 1
    default: 0
    }
  }

  /// What walking through the whole value costs in steps: a list may hold one value many times, and
  /// so be far larger than the memory it takes.
  var weight: Int {
    switch self {
    case .string(let text): 1 + text.count / 64
    case .list(let list): list.weight
    case .dictionary(let dictionary): dictionary.weight
    default: 1
    }
  }

  var text: JinjaText? { if case .string(let text) = self { text } else { nil } }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  /// An integer, or a boolean taken for one.
  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var number: Double? {
    if case .float(let value) = self { value } else { integer.map(Double.init) }
  }
}

/// A list, a tuple, or what a view or a generator of Python yields (items, keys, range, map …).
package struct JinjaList {
  package enum Flavor { case list, tuple, view }

  let items: [JinjaValue]
  let flavor: Flavor
  let depth: Int
  let weight: Int

  package init(_ items: [JinjaValue], _ flavor: Flavor = .list) {
    self.items = items
    self.flavor = flavor
    depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
    weight = items.reduce(1) { $0 + $1.weight }
  }
}

/// A mapping from strings, in the order of insertion.
package struct JinjaDictionary {
  private(set) var keys: [JinjaText] = []
  private(set) var values: [JinjaValue] = []
  private var positions: [[UInt8]: Int] = [:]
  private(set) var depth = 1
  private(set) var weight = 1

  package init() {}

  subscript(key: JinjaText) -> JinjaValue? { positions[key.bytes].map { values[$0] } }

  package mutating func set(_ key: JinjaText, _ value: JinjaValue) {
    depth = max(depth, value.depth + 1)
    weight += value.weight + 1 + key.count / 64
    if let position = positions[key.bytes] {
      values[position] = value
      return
    }
    positions[key.bytes] = keys.count
    keys.append(key)
    values.append(value)
  }

  /// A tuple for each member.
  var items: [JinjaValue] {
    zip(keys, values).map { .list(JinjaList([.string($0), $1], .tuple)) }
  }
}

/// A mutable bag of names: how a template carries a value out of a loop.
package final class JinjaNamespace {
  var members: [String: JinjaValue] = [:]
}

/// What `loop` is inside a loop's body.
package final class JinjaLoop {
  let items: JinjaList
  var index = 0

  init(_ items: JinjaList) { self.items = items }
}

package final class JinjaMacro {
  let syntax: JinjaStatement.Macro
  /// The scope of its definition; let go at the end of the run, because it holds the macro in turn.
  var scope: JinjaScope?

  init(_ syntax: JinjaStatement.Macro, scope: JinjaScope) {
    self.syntax = syntax
    self.scope = scope
  }
}

/// The names of a loop's body, a macro or the whole template.
final class JinjaScope {
  var names: [String: JinjaValue] = [:]
  let parent: JinjaScope?

  init(parent: JinjaScope?) { self.parent = parent }

  subscript(name: String) -> JinjaValue? {
    var scope: JinjaScope? = self
    while let current = scope {
      if let value = current.names[name] { return value }
      scope = current.parent
    }
    return nil
  }
}

// MARK: - Equality and order

extension JinjaValue {
  func equals(_ other: JinjaValue) -> Bool {
    switch (self, other) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let left), .string(let right)): return left.bytes == right.bytes
    case (.list(let left), .list(let right)):
      return left.flavor == right.flavor && left.items.count == right.items.count
        && zip(left.items, right.items).allSatisfy { $0.equals($1) }
    case (.dictionary(let left), .dictionary(let right)):
      return left.keys.count == right.keys.count
        && zip(left.keys, left.values).allSatisfy { right[$0]?.equals($1) ?? false }
    case (.namespace(let left), .namespace(let right)): return left === right
    case (.macro(let left), .macro(let right)): return left === right
    default:
      if let left = integer, let right = other.integer { return left == right }
      if let left = number, let right = other.number { return left == right }
      return false
    }
  }

  /// Whether it stands before the other; nil when the two have no order.
  func precedes(_ other: JinjaValue) -> Bool? {
    if case .string(let left) = self, case .string(let right) = other {
      // Byte order of UTF-8 is code point order, which is Python's.
      return left.bytes.lexicographicallyPrecedes(right.bytes)
    }
    if let left = integer, let right = other.integer { return left < right }
    if let left = number, let right = other.number { return left < right }
    return nil
  }
}

// MARK: - From JSON

extension JinjaValue {
  /// A JSON value whose strings all have one origin.
  package init(_ json: JSON, origin: JinjaText.Origin) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .number(let text): self = Int(text).map(JinjaValue.integer) ?? .float(Double(text) ?? .nan)
    case .string(let bytes): self = .string(JinjaText(bytes, origin: origin))
    case .array(let values):
      self = .list(JinjaList(values.map { JinjaValue($0, origin: origin) }))
    case .object(let object):
      var dictionary = JinjaDictionary()
      for (key, value) in object.members {
        dictionary.set(JinjaText(key, origin: origin), JinjaValue(value, origin: origin))
      }
      self = .dictionary(dictionary)
    }
  }
}
