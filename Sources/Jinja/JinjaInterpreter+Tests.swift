import Files

/// The tests that stand behind `is`.
extension JinjaInterpreter {
  static let testsWithArgument: Set<String> = [
    "divisibleby", "eq", "equalto", "ne", "lt", "lessthan", "le", "gt", "greaterthan", "ge", "in",
    "sameas",
  ]

  func test(
    _ name: String, _ value: JinjaValue, _ arguments: JinjaCallArguments
  ) throws(Problem) -> Bool {
    let takesArgument = Self.testsWithArgument.contains(name)
    let options = try arguments.bound(
      to: takesArgument ? ["other"] : [], of: "the test '\(name)'", self)
    guard takesArgument else { return try simpleTest(name, value) }
    guard case .some(.some(let other)) = options.first else {
      throw error("the test '\(name)' expects an argument")
    }
    switch name {
    case "eq", "equalto": return try equal(value, other)
    case "sameas": return value.kind == other.kind ? try equal(value, other) : false
    case "ne": return try !equal(value, other)
    case "lt", "lessthan": return try compare(value, "<", other)
    case "le": return try compare(value, "<=", other)
    case "gt", "greaterthan": return try compare(value, ">", other)
    case "ge": return try compare(value, ">=", other)
    case "in": return try compare(value, "in", other)
    default:
      let rest = try arithmetic("%", value, other)
      return !rest.isTrue
    }
  }

  private func simpleTest(_ name: String, _ value: JinjaValue) throws(Problem) -> Bool {
    switch (name, value) {
    case ("defined", _): return !value.isUndefined
    case ("undefined", _): return value.isUndefined
    case ("none", .none), ("boolean", .bool), ("string", .string), ("mapping", .dictionary),
      ("integer", .integer), ("float", .float):
      return true
    case ("number", .integer), ("number", .float), ("number", .bool): return true
    case ("true", .bool(let flag)): return flag
    case ("false", .bool(let flag)): return !flag
    case ("sequence", .string), ("sequence", .dictionary), ("sequence", .undefined),
      ("iterable", .string), ("iterable", .dictionary), ("iterable", .undefined),
      ("iterable", .list):
      return true
    case ("sequence", .list(let list)): return list.flavor != .view
    case ("callable", .macro), ("callable", .function), ("callable", .method): return true
    case ("even", _), ("odd", _):
      let rest = try arithmetic("%", value, .integer(2))
      return rest.isTrue == (name == "odd")
    case ("lower", _), ("upper", _):
      let text = try string(of: value)
      try charge(text.count / 8)
      let folded = name == "lower" ? text.lowercased : text.uppercased
      let other = name == "lower" ? text.uppercased : text.lowercased
      return folded.bytes == text.bytes && other.bytes != text.bytes
    case ("none", _), ("boolean", _), ("string", _), ("mapping", _), ("integer", _), ("float", _),
      ("number", _), ("true", _), ("false", _), ("sequence", _), ("iterable", _), ("callable", _):
      return false
    default: throw error("the test '\(name)' is not supported", .templateUnsupported)
    }
  }
}
