import Files

extension JinjaParser {
  /// One expression, or several between commas, which make a tuple.
  mutating func tuple(allowsConditional: Bool = true) throws(Problem) -> JinjaExpression {
    let line = self.line
    let first = allowsConditional ? try expression() : try disjunction()
    guard current == .symbol(",") else { return first }
    var items = [first]
    while skip(symbol: ",") {
      switch current {
      case .blockEnd, .variableEnd, .symbol: break
      default: items.append(allowsConditional ? try expression() : try disjunction())
      }
    }
    return JinjaExpression(.tuple(items), line: line)
  }

  mutating func expression() throws(Problem) -> JinjaExpression {
    try nested { (parser) throws(Problem) in try parser.conditionalExpression() }
  }

  private mutating func conditionalExpression() throws(Problem) -> JinjaExpression {
    let line = self.line
    let value = try disjunction()
    guard skip(name: "if") else { return value }
    let condition = try disjunction()
    let otherwise = skip(name: "else") ? try expression() : nil
    return JinjaExpression(.conditional(condition, then: value, otherwise: otherwise), line: line)
  }

  private mutating func disjunction() throws(Problem) -> JinjaExpression {
    let line = self.line
    var terms = [try conjunction()]
    while skip(name: "or") { terms.append(try conjunction()) }
    return terms.count == 1 ? terms[0] : JinjaExpression(.or(terms), line: line)
  }

  private mutating func conjunction() throws(Problem) -> JinjaExpression {
    let line = self.line
    var terms = [try negation()]
    while skip(name: "and") { terms.append(try negation()) }
    return terms.count == 1 ? terms[0] : JinjaExpression(.and(terms), line: line)
  }

  private mutating func negation() throws(Problem) -> JinjaExpression {
    let line = self.line
    guard skip(name: "not") else { return try comparison() }
    let operand = try nested { (parser) throws(Problem) in try parser.negation() }
    return JinjaExpression(.not(operand), line: line)
  }

  private mutating func comparison() throws(Problem) -> JinjaExpression {
    let line = self.line
    let first = try sum()
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while let operation = comparisonOperator() { rest.append((operation, try sum())) }
    return rest.isEmpty ? first : JinjaExpression(.comparison(first, rest), line: line)
  }

  private mutating func comparisonOperator() -> String? {
    if case .symbol(let symbol) = current, ["==", "!=", "<", "<=", ">", ">="].contains(symbol) {
      advance()
      return symbol
    }
    if skip(name: "in") { return "in" }
    guard current == .name("not"), next == .name("in") else { return nil }
    advance()
    advance()
    return "not in"
  }

  private mutating func sum() throws(Problem) -> JinjaExpression {
    let line = self.line
    let first = try concatenation()
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while case .symbol(let symbol) = current, symbol == "+" || symbol == "-" {
      advance()
      rest.append((symbol, try concatenation()))
    }
    return rest.isEmpty ? first : JinjaExpression(.arithmetic(first, rest), line: line)
  }

  private mutating func concatenation() throws(Problem) -> JinjaExpression {
    let line = self.line
    var pieces = [try product()]
    while skip(symbol: "~") { pieces.append(try product()) }
    return pieces.count == 1 ? pieces[0] : JinjaExpression(.concatenation(pieces), line: line)
  }

  private mutating func product() throws(Problem) -> JinjaExpression {
    let line = self.line
    let first = try power()
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while case .symbol(let symbol) = current, ["*", "/", "//", "%"].contains(symbol) {
      advance()
      rest.append((symbol, try power()))
    }
    return rest.isEmpty ? first : JinjaExpression(.arithmetic(first, rest), line: line)
  }

  private mutating func power() throws(Problem) -> JinjaExpression {
    let line = self.line
    let first = try unary()
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while skip(symbol: "**") { rest.append(("**", try unary())) }
    return rest.isEmpty ? first : JinjaExpression(.arithmetic(first, rest), line: line)
  }

  private mutating func unary(takesFilters: Bool = true) throws(Problem)
    -> JinjaExpression
  {
    let line = self.line
    var value: JinjaExpression
    if current == .symbol("-") || current == .symbol("+") {
      let isMinus = current == .symbol("-")
      advance()
      let operand = try nested { (parser) throws(Problem) in
        try parser.unary(takesFilters: false)
      }
      value = JinjaExpression(isMinus ? .minus(operand) : .plus(operand), line: line)
    } else {
      value = try primary()
    }
    var links = 0
    while let longer = try extended(value, takesFilters: takesFilters) {
      value = longer
      links += 1
      guard links <= JinjaLimits.depth else {
        throw error("a chain of members, calls and filters has more than 64 links", .templateLimit)
      }
    }
    return value
  }

  /// The value with the member, call, filter or test that follows; nil when none does.
  private mutating func extended(
    _ value: JinjaExpression, takesFilters: Bool
  ) throws(Problem) -> JinjaExpression? {
    let line = self.line
    if skip(symbol: ".") {
      if case .integer(let index) = current {
        advance()
        let key = JinjaExpression(.integer(index), line: line)
        return JinjaExpression(.subscripting(value, key), line: line)
      }
      return JinjaExpression(.attribute(value, try identifier()), line: line)
    }
    if skip(symbol: "[") { return try subscripted(value, line: line) }
    if current == .symbol("(") {
      return JinjaExpression(.call(value, try arguments()), line: line)
    }
    guard takesFilters else { return nil }
    if skip(symbol: "|") {
      let name = try dottedName()
      let arguments = current == .symbol("(") ? try self.arguments() : JinjaArguments()
      return JinjaExpression(.filter(value, name, arguments), line: line)
    }
    return skip(name: "is") ? try test(value, line: line) : nil
  }

  private mutating func dottedName() throws(Problem) -> String {
    var name = try identifier()
    while skip(symbol: ".") { name += "." + (try identifier()) }
    return name
  }

  private mutating func test(
    _ value: JinjaExpression, line: Int
  ) throws(Problem) -> JinjaExpression {
    let isNegated = skip(name: "not")
    let name = try dottedName()
    var arguments = JinjaArguments()
    if current == .symbol("(") {
      arguments = try self.arguments()
    } else if JinjaInterpreter.testsWithArgument.contains(name) {
      arguments.positional = [
        try nested { (parser) throws(Problem) in
          try parser.unary(takesFilters: false)
        }
      ]
    }
    return JinjaExpression(.test(value, name, arguments, isNegated: isNegated), line: line)
  }

  private mutating func subscripted(
    _ value: JinjaExpression, line: Int
  ) throws(Problem) -> JinjaExpression {
    var parts: [JinjaExpression?] = []
    var isSlice = false
    while true {
      if current == .symbol(":") || current == .symbol("]") {
        parts.append(nil)
      } else {
        parts.append(try expression())
      }
      guard skip(symbol: ":") else { break }
      isSlice = true
    }
    try expect(symbol: "]")
    guard parts.count <= 3 else { throw error("a slice has more than three parts") }
    if isSlice { return JinjaExpression(.slice(value, parts), line: line) }
    guard let key = parts[0] else { throw error("a key is expected between '[' and ']'") }
    return JinjaExpression(.subscripting(value, key), line: line)
  }

  private mutating func arguments() throws(Problem) -> JinjaArguments {
    advance()
    var arguments = JinjaArguments()
    while !skip(symbol: ")") {
      if !arguments.positional.isEmpty || !arguments.named.isEmpty {
        try expect(symbol: ",")
        if skip(symbol: ")") { break }
      }
      if case .name(let name) = current, next == .symbol("=") {
        advance()
        advance()
        arguments.named.append((name, try expression()))
      } else {
        guard arguments.named.isEmpty else {
          throw error("an argument without a name stands behind one with a name")
        }
        arguments.positional.append(try expression())
      }
    }
    return arguments
  }

  private mutating func primary() throws(Problem) -> JinjaExpression {
    let line = self.line
    let kind = current
    advance()
    switch kind {
    case .name("true"), .name("True"): return JinjaExpression(.bool(true), line: line)
    case .name("false"), .name("False"): return JinjaExpression(.bool(false), line: line)
    case .name("none"), .name("None"): return JinjaExpression(.none, line: line)
    case .name(let name): return JinjaExpression(.name(name), line: line)
    case .integer(let value): return JinjaExpression(.integer(value), line: line)
    case .float(let value): return JinjaExpression(.float(value), line: line)
    case .string(var bytes):
      while case .string(let more) = current {
        bytes.append(contentsOf: more)
        advance()
      }
      return JinjaExpression(.string(bytes), line: line)
    case .symbol("("): return try parenthesis(line: line)
    case .symbol("["): return JinjaExpression(.list(try items(until: "]")), line: line)
    case .symbol("{"): return try dictionary(line: line)
    default: throw error("a value is expected")
    }
  }

  private mutating func items(until end: String) throws(Problem) -> [JinjaExpression] {
    var items: [JinjaExpression] = []
    while !skip(symbol: end) {
      if !items.isEmpty {
        try expect(symbol: ",")
        if skip(symbol: end) { break }
      }
      items.append(try expression())
    }
    return items
  }

  private mutating func parenthesis(line: Int) throws(Problem) -> JinjaExpression {
    if skip(symbol: ")") { return JinjaExpression(.tuple([]), line: line) }
    let first = try expression()
    if skip(symbol: ")") { return first }
    try expect(symbol: ",")
    return JinjaExpression(.tuple([first] + (try items(until: ")"))), line: line)
  }

  private mutating func dictionary(line: Int) throws(Problem) -> JinjaExpression {
    var members: [(key: JinjaExpression, value: JinjaExpression)] = []
    while !skip(symbol: "}") {
      if !members.isEmpty {
        try expect(symbol: ",")
        if skip(symbol: "}") { break }
      }
      let key = try expression()
      try expect(symbol: ":")
      members.append((key, try expression()))
    }
    return JinjaExpression(.dictionary(members), line: line)
  }
}
