import Files

/// Reads the statements of a template; the expressions are in `JinjaParser+Expressions`.
struct JinjaParser {
  private let tokens: [JinjaToken]
  private let file: String
  private var index = 0
  private var depth = 0
  private var loopDepth = 0

  static func parse(_ source: String, file: String) throws(Problem) -> [JinjaStatement] {
    guard source.utf8.count <= JinjaLimits.source else {
      throw Problem(
        .templateLimit, file,
        problem: "the chat template is longer than \(JinjaLimits.source) bytes",
        remedy: "check that this is a chat template")
    }
    let tokens = try JinjaLexer.tokens(of: source, file: file)
    var parser = JinjaParser(tokens: tokens, file: file)
    let statements = try parser.statements(until: [])
    return statements
  }

  private init(tokens: [JinjaToken], file: String) {
    self.tokens = tokens
    self.file = file
  }

  // MARK: Tokens

  var current: JinjaToken.Kind { tokens[index].kind }
  var next: JinjaToken.Kind { tokens[min(index + 1, tokens.count - 1)].kind }
  var line: Int { tokens[index].line }

  func error(_ problem: String, _ code: Problem.Code = .templateSyntax) -> Problem {
    .template(code, file, line, problem)
  }

  mutating func advance() {
    if index + 1 < tokens.count { index += 1 }
  }

  mutating func skip(_ kind: JinjaToken.Kind) -> Bool {
    guard current == kind else { return false }
    advance()
    return true
  }

  mutating func skip(symbol: String) -> Bool { skip(.symbol(symbol)) }
  mutating func skip(name: String) -> Bool { skip(.name(name)) }

  mutating func expect(_ kind: JinjaToken.Kind, _ text: String) throws(Problem) {
    guard skip(kind) else { throw error("\(text) is expected") }
  }

  mutating func expect(symbol: String) throws(Problem) {
    try expect(.symbol(symbol), "'\(symbol)'")
  }

  mutating func identifier() throws(Problem) -> String {
    guard case .name(let name) = current else { throw error("a name is expected") }
    advance()
    return name
  }

  mutating func nested<Value>(
    _ body: (inout JinjaParser) throws(Problem) -> Value
  ) throws(Problem) -> Value {
    depth += 1
    guard depth <= JinjaLimits.depth else {
      throw error(
        "brackets or blocks are nested more than \(JinjaLimits.depth) deep", .templateLimit)
    }
    let value = try body(&self)
    depth -= 1
    return value
  }

  // MARK: Statements

  /// Everything up to a block that begins with one of the names, which is left to the caller.
  private mutating func statements(until ends: [String]) throws(Problem)
    -> [JinjaStatement]
  {
    try nested { (parser) throws(Problem) in try parser.siblings(until: ends) }
  }

  private mutating func siblings(until ends: [String]) throws(Problem)
    -> [JinjaStatement]
  {
    var statements: [JinjaStatement] = []
    while true {
      switch current {
      case .text(let bytes):
        statements.append(.text(bytes))
        advance()
      case .variableBegin:
        advance()
        statements.append(.output(try tuple()))
        try expect(.variableEnd, "'}}'")
      case .blockBegin:
        if case .name(let name) = next, ends.contains(name) {
          advance()
          return statements
        }
        advance()
        statements.append(try block())
      default:
        guard ends.isEmpty else {
          throw error("the template ends before '\(ends.joined(separator: "' or '"))'")
        }
        return statements
      }
    }
  }

  private mutating func endBlock() throws(Problem) { try expect(.blockEnd, "'%}'") }

  private mutating func block() throws(Problem) -> JinjaStatement {
    let name = try identifier()
    switch name {
    case "if": return try conditional()
    case "for": return try loop()
    case "set": return try set()
    case "macro": return try macro()
    case "generation":
      try endBlock()
      return .block(try body(until: "endgeneration"))
    case "break", "continue":
      guard loopDepth > 0 else { throw error("'\(name)' stands outside of a loop") }
      try endBlock()
      return name == "break" ? .breakLoop : .continueLoop
    default:
      throw error(
        "the statement '\(name)' is not one that a chat template may use here", .templateUnsupported
      )
    }
  }

  private mutating func body(until end: String) throws(Problem) -> [JinjaStatement] {
    let body = try statements(until: [end])
    advance()
    try endBlock()
    return body
  }

  private mutating func conditional() throws(Problem) -> JinjaStatement {
    var branches: [(condition: JinjaExpression, body: [JinjaStatement])] = []
    repeat {
      let condition = try tuple(allowsConditional: false)
      try endBlock()
      branches.append((condition, try statements(until: ["elif", "else", "endif"])))
    } while skip(name: "elif")
    var otherwise: [JinjaStatement] = []
    if skip(name: "else") {
      try endBlock()
      otherwise = try statements(until: ["endif"])
    }
    advance()
    try endBlock()
    return .conditional(branches, otherwise)
  }

  private mutating func loop() throws(Problem) -> JinjaStatement {
    let target = try self.target()
    try expect(.name("in"), "'in'")
    let iterable = try tuple(allowsConditional: false)
    let condition = skip(name: "if") ? try expression() : nil
    if current == .name("recursive") {
      throw error("a recursive loop is not supported", .templateUnsupported)
    }
    try endBlock()
    loopDepth += 1
    let body = try statements(until: ["else", "endfor"])
    loopDepth -= 1
    var otherwise: [JinjaStatement] = []
    if skip(name: "else") {
      try endBlock()
      otherwise = try statements(until: ["endfor"])
    }
    advance()
    try endBlock()
    return .loop(
      JinjaStatement.Loop(
        target: target, iterable: iterable, condition: condition, body: body, otherwise: otherwise))
  }

  private mutating func target() throws(Problem) -> JinjaStatement.Target {
    let isBracketed = skip(symbol: "(")
    var names = [try assignableName()]
    if skip(symbol: ".") { return .member(namespace: names[0], name: try identifier()) }
    var isTuple = false
    while skip(symbol: ",") {
      isTuple = true
      if case .name(let name) = current, name != "in" { names.append(try assignableName()) }
    }
    if isBracketed { try expect(symbol: ")") }
    return isTuple ? .names(names) : .name(names[0])
  }

  private mutating func assignableName() throws(Problem) -> String {
    let name = try identifier()
    guard !["true", "True", "false", "False", "none", "None", "loop"].contains(name) else {
      throw error("'\(name)' cannot be assigned to")
    }
    return name
  }

  private mutating func set() throws(Problem) -> JinjaStatement {
    let target = try self.target()
    if skip(symbol: "=") {
      let value = try tuple()
      try endBlock()
      return .set(target, value)
    }
    if current == .symbol("|") {
      throw error("a filter on a set block is not supported", .templateUnsupported)
    }
    try endBlock()
    return .setBlock(target, try body(until: "endset"))
  }

  private mutating func macro() throws(Problem) -> JinjaStatement {
    let line = self.line
    let name = try assignableName()
    try expect(symbol: "(")
    var parameters: [(name: String, fallback: JinjaExpression?)] = []
    while !skip(symbol: ")") {
      if !parameters.isEmpty { try expect(symbol: ",") }
      let parameter = try assignableName()
      parameters.append((parameter, skip(symbol: "=") ? try expression() : nil))
    }
    try endBlock()
    let outerLoops = loopDepth
    loopDepth = 0
    let body = try self.body(until: "endmacro")
    loopDepth = outerLoops
    return .macro(
      JinjaStatement.Macro(name: name, parameters: parameters, body: body, line: line))
  }
}
