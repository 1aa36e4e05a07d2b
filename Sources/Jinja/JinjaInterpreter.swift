import Files

/// Runs a parsed template over its variables, within the limits of `JinjaLimits`.
///
/// It reads no file, clock or environment: whatever a template can see is given to it, so the same
/// conversation always becomes the same text.
final class JinjaInterpreter {
  /// How a statement ended.
  enum Flow { case next, breakLoop, continueLoop }

  let file: String
  let date: TemplateDate
  /// Bytes of the longest string that it may make, and of the whole output; and of a step.
  private let longestText: Int
  private let bytesOfStep: Int
  /// The line that runs, for errors.
  var line = 1
  private var steps = 0
  private var stack = 0
  private var output = JinjaText()
  private(set) var scope: JinjaScope
  private var namespaces: [JinjaNamespace] = []
  private var macros: [JinjaMacro] = []

  static let functions: Set<String> = [
    "range", "namespace", "dict", "raise_exception", "strftime_now",
  ]

  private init(file: String, date: TemplateDate, variables: [String: JinjaValue]) {
    self.file = file
    self.date = date
    // A weight counts 64 bytes.
    let given = variables.values.reduce(0) { $0 + 64 * $1.weight }
    longestText = min(JinjaLimits.textOfItsOwn + JinjaLimits.growth * given, JinjaLimits.text)
    bytesOfStep = JinjaLimits.bytesOfStep(longestText: longestText)
    scope = JinjaScope(parent: nil)
    for name in Self.functions { scope.names[name] = .function(name) }
    scope.names.merge(variables) { $1 }
  }

  static func run(
    _ statements: [JinjaStatement], file: String, date: TemplateDate,
    variables: [String: JinjaValue]
  ) throws(Problem) -> JinjaText {
    let interpreter = JinjaInterpreter(file: file, date: date, variables: variables)
    defer { interpreter.releaseCycles() }
    for value in variables.values { try interpreter.check(value) }
    _ = try interpreter.execute(statements)
    return interpreter.output
  }

  /// Macros and namespaces can hold what holds them.
  private func releaseCycles() {
    for namespace in namespaces { namespace.members = [:] }
    for macro in macros { macro.scope = nil }
  }

  // MARK: Limits

  func error(_ problem: String, _ code: Problem.Code = .templateError) -> Problem {
    .template(code, file, line, problem)
  }

  func charge(_ cost: Int = 1) throws(Problem) {
    steps += cost
    guard steps <= JinjaLimits.steps else {
      throw error("the template takes more than \(JinjaLimits.steps) steps", .templateLimit)
    }
  }

  /// Charges before a text is searched: for walking through it, for the table that the search makes of the
  /// needle, and for the places it may find.
  func chargeSearch(for needle: JinjaText, in text: JinjaText) throws(Problem) {
    guard needle.count <= text.count else { return }
    try charge(text.count / 64 + needle.count / 8 + text.count / max(needle.count, 1) / 8)
  }

  /// Refuses a string before it is made.
  func require(_ bytes: Int) throws(Problem) {
    guard bytes <= longestText else {
      throw error("the template makes a text longer than \(longestText) bytes", .templateLimit)
    }
  }

  /// Charges for making a text.
  func chargeText(_ bytes: Int) throws(Problem) { try charge(bytes / bytesOfStep) }

  /// Refuses a string before it is made, and charges for making it.
  func reserve(_ bytes: Int) throws(Problem) {
    try require(bytes)
    try chargeText(bytes)
  }

  /// The value, unless it is nested too deep or too large to walk through.
  @discardableResult
  func check(_ value: JinjaValue) throws(Problem) -> JinjaValue {
    guard value.depth <= JinjaLimits.depth else {
      throw error("a value is nested more than \(JinjaLimits.depth) deep", .templateLimit)
    }
    guard value.weight <= JinjaLimits.steps else {
      throw error("a value grows too large", .templateLimit)
    }
    return value
  }

  func list(
    _ items: [JinjaValue], _ flavor: JinjaList.Flavor = .list
  ) throws(Problem) -> JinjaValue {
    try charge(items.count)
    return try check(.list(JinjaList(items, flavor)))
  }

  func descend<Value>(
    levels: Int = 1, _ body: () throws(Problem) -> Value
  ) throws(Problem) -> Value {
    stack += levels
    defer { stack -= levels }
    guard stack <= JinjaLimits.stack else {
      throw error("the template recurses too deep", .templateLimit)
    }
    try charge()
    return try body()
  }

  // MARK: Statements

  func execute(_ statements: [JinjaStatement]) throws(Problem) -> Flow {
    for statement in statements {
      let flow = try descend { () throws(Problem) in try execute(statement) }
      if flow != .next { return flow }
    }
    return .next
  }

  private func execute(_ statement: JinjaStatement) throws(Problem) -> Flow {
    switch statement {
    case .text(let bytes): try write(JinjaText(bytes))
    case .output(let expression): try write(try string(of: try evaluate(expression)))
    case .conditional(let branches, let otherwise): return try branch(branches, otherwise)
    case .loop(let loop): return try run(loop)
    case .set(let target, let expression): try assign(try evaluate(expression), to: target)
    case .setBlock(let target, let body):
      try assign(.string(try captured(in: JinjaScope(parent: scope), body)), to: target)
    case .macro(let syntax):
      let macro = JinjaMacro(syntax, scope: scope)
      macros.append(macro)
      scope.names[syntax.name] = .macro(macro)
    case .block(let body):
      return try within(JinjaScope(parent: scope)) { () throws(Problem) in
        try execute(body)
      }
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .next
  }

  private func write(_ text: JinjaText) throws(Problem) {
    guard output.count + text.count <= longestText else {
      throw error("the output is longer than \(longestText) bytes", .templateLimit)
    }
    try chargeText(text.count)
    output.append(text)
  }

  private func branch(
    _ branches: [(condition: JinjaExpression, body: [JinjaStatement])],
    _ otherwise: [JinjaStatement]
  ) throws(Problem) -> Flow {
    for (condition, body) in branches where try evaluate(condition).isTrue {
      return try execute(body)
    }
    return try execute(otherwise)
  }

  private func within<Value>(
    _ inner: JinjaScope, _ body: () throws(Problem) -> Value
  ) throws(Problem) -> Value {
    let outer = scope
    scope = inner
    defer { scope = outer }
    return try body()
  }

  /// What statements write, instead of writing it.
  private func captured(
    in inner: JinjaScope, _ body: [JinjaStatement]
  ) throws(Problem) -> JinjaText {
    let outer = output
    output = JinjaText()
    defer { output = outer }
    _ = try within(inner) { () throws(Problem) in try execute(body) }
    return output
  }

  private func run(_ syntax: JinjaStatement.Loop) throws(Problem) -> Flow {
    var items = try elements(of: try evaluate(syntax.iterable))
    if let condition = syntax.condition {
      var kept: [JinjaValue] = []
      for item in items {
        let isKept = try within(JinjaScope(parent: scope)) { () throws(Problem) in
          try assign(item, to: syntax.target)
          return try evaluate(condition).isTrue
        }
        if isKept { kept.append(item) }
      }
      items = kept
    }
    guard !items.isEmpty else { return try execute(syntax.otherwise) }
    let loop = JinjaLoop(JinjaList(items))
    try check(.loop(loop))
    for (index, item) in items.enumerated() {
      try charge()
      loop.index = index
      let inner = JinjaScope(parent: scope)
      inner.names["loop"] = .loop(loop)
      let flow = try within(inner) { () throws(Problem) in
        try assign(item, to: syntax.target)
        return try execute(syntax.body)
      }
      if flow == .breakLoop { break }
    }
    return .next
  }

  private func assign(
    _ value: JinjaValue, to target: JinjaStatement.Target
  ) throws(Problem) {
    switch target {
    case .name(let name): scope.names[name] = value
    case .names(let names):
      let values = try elements(of: value)
      guard values.count == names.count else {
        throw error("\(values.count) values are unpacked into \(names.count) names")
      }
      for (name, value) in zip(names, values) { scope.names[name] = value }
    case .member(let name, let member):
      guard case .namespace(let namespace)? = scope[name] else {
        throw error("'\(name)' is not a namespace, so its members cannot be set")
      }
      try requirePublic(member)
      namespace.members[member] = value
    }
  }

  /// Names that begin with `_` lead, in Python, to the interpreter's inner parts.
  func requirePublic(_ name: String) throws(Problem) {
    guard !name.hasPrefix("_") else { throw error("the member '\(name)' is private") }
  }

  // MARK: Calls

  func makeNamespace(_ arguments: JinjaCallArguments) throws(Problem) -> JinjaValue {
    let namespace = JinjaNamespace()
    for (key, value) in try arguments.members(self) {
      try requirePublic(key.string)
      namespace.members[key.string] = value
    }
    namespaces.append(namespace)
    return .namespace(namespace)
  }

  func call(
    _ macro: JinjaMacro, _ arguments: JinjaCallArguments
  ) throws(Problem) -> JinjaValue {
    let syntax = macro.syntax
    let values = try arguments.bound(
      to: syntax.parameters.map(\.name), of: "the macro '\(syntax.name)'", self)
    let inner = JinjaScope(parent: macro.scope)
    let text = try within(inner) { () throws(Problem) in
      for (parameter, value) in zip(syntax.parameters, values) {
        if let value {
          inner.names[parameter.name] = value
        } else if let fallback = parameter.fallback {
          inner.names[parameter.name] = try evaluate(fallback)
        } else {
          inner.names[parameter.name] = .undefined("the argument '\(parameter.name)' is missing")
        }
      }
      return try descend(levels: JinjaLimits.levelsOfMacro) { () throws(Problem) in
        try captured(in: inner, syntax.body)
      }
    }
    return .string(text)
  }
}

/// The values given to a call, filter or test.
struct JinjaCallArguments {
  var positional: [JinjaValue] = []
  var named: [(name: String, value: JinjaValue)] = []

  /// One value, or nil, for each parameter.
  func bound(
    to parameters: [String], of callee: String, _ interpreter: JinjaInterpreter
  ) throws(Problem) -> [JinjaValue?] {
    guard positional.count <= parameters.count else {
      throw interpreter.error("\(callee) takes at most \(parameters.count) arguments")
    }
    var values = positional.map(Optional.some)
    values += Array(repeating: nil, count: parameters.count - positional.count)
    for (name, value) in named {
      guard let index = parameters.firstIndex(of: name) else {
        throw interpreter.error("\(callee) has no argument '\(name)'")
      }
      guard values[index] == nil else {
        throw interpreter.error("\(callee) is given the argument '\(name)' twice")
      }
      values[index] = value
    }
    return values
  }

  /// The members of the mapping that `dict` or `namespace` makes.
  func members(
    _ interpreter: JinjaInterpreter
  ) throws(Problem) -> [(JinjaText, JinjaValue)] {
    var members: [(JinjaText, JinjaValue)] = []
    for argument in positional {
      guard case .dictionary(let dictionary) = argument else {
        throw interpreter.error("a mapping or named arguments are expected")
      }
      for (key, value) in zip(dictionary.keys, dictionary.values) {
        try interpreter.charge(1 + key.count / 64)
        members.append((key, value))
      }
    }
    return members + named.map { (JinjaText($0.name), $0.value) }
  }
}
