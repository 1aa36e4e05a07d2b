/// An expression of a template, with the line it stands on.
final class JinjaExpression: Sendable {
  indirect enum Kind: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string([UInt8])
    case name(String)
    case list([JinjaExpression])
    case tuple([JinjaExpression])
    case dictionary([(key: JinjaExpression, value: JinjaExpression)])
    case attribute(JinjaExpression, String)
    case subscripting(JinjaExpression, JinjaExpression)
    case slice(JinjaExpression, [JinjaExpression?])
    case call(JinjaExpression, JinjaArguments)
    case filter(JinjaExpression, String, JinjaArguments)
    case test(JinjaExpression, String, JinjaArguments, isNegated: Bool)
    case minus(JinjaExpression)
    case plus(JinjaExpression)
    case not(JinjaExpression)
    case and([JinjaExpression])
    case or([JinjaExpression])
    case concatenation([JinjaExpression])
    /// `a + b - c`: a chain is one node, so that a long one is not deep.
    case arithmetic(JinjaExpression, [(operation: String, operand: JinjaExpression)])
    case comparison(JinjaExpression, [(operation: String, operand: JinjaExpression)])
    case conditional(JinjaExpression, then: JinjaExpression, otherwise: JinjaExpression?)
  }

  let kind: Kind
  let line: Int

  init(_ kind: Kind, line: Int) {
    self.kind = kind
    self.line = line
  }
}

/// The arguments of a call, filter or test.
struct JinjaArguments: Sendable {
  var positional: [JinjaExpression] = []
  var named: [(name: String, value: JinjaExpression)] = []
}

/// A statement of a template.
indirect enum JinjaStatement: Sendable {
  struct Macro: Sendable {
    var name: String
    var parameters: [(name: String, fallback: JinjaExpression?)]
    var body: [JinjaStatement]
    var line: Int
  }

  enum Target: Sendable {
    case name(String)
    case names([String])
    case member(namespace: String, name: String)
  }

  struct Loop: Sendable {
    var target: Target
    var iterable: JinjaExpression
    var condition: JinjaExpression?
    var body: [JinjaStatement]
    var otherwise: [JinjaStatement]
  }

  case text([UInt8])
  case output(JinjaExpression)
  case conditional([(condition: JinjaExpression, body: [JinjaStatement])], [JinjaStatement])
  case loop(Loop)
  case set(Target, JinjaExpression)
  case setBlock(Target, [JinjaStatement])
  case macro(Macro)
  /// A scope of its own: `{% generation %}`, which marks what the model says.
  case block([JinjaStatement])
  case breakLoop
  case continueLoop
}
