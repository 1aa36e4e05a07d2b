import Files
import Foundation

extension JinjaInterpreter {
  func arithmetic(
    _ operation: String, _ left: JinjaValue, _ right: JinjaValue
  ) throws(Problem) -> JinjaValue {
    switch (operation, left, right) {
    case ("+", .string(let left), .string(let right)):
      try reserve(left.count + right.count)
      var text = left
      text.append(right)
      return .string(text)
    case ("+", .list(let first), .list(let second))
    where first.flavor == second.flavor && first.flavor != .view:
      return try list(first.items + second.items, first.flavor)
    case ("*", .string(let text), _):
      if let count = right.integer { return try repeated(text, count) }
    case ("*", .list(let items), _):
      if let count = right.integer { return try repeated(items, count) }
    case ("*", _, .string), ("*", _, .list):
      if left.integer != nil { return try arithmetic("*", right, left) }
    default:
      if let left = left.integer, let right = right.integer {
        return try integers(operation, left, right)
      }
      if let left = left.number, let right = right.number {
        return try floats(operation, left, right)
      }
    }
    throw error("'\(operation)' does not work on \(left.kind) and \(right.kind)")
  }

  private func repeated(_ text: JinjaText, _ count: Int) throws(Problem) -> JinjaValue {
    let count = text.isEmpty ? 0 : max(count, 0)
    let (total, overflows) = text.count.multipliedReportingOverflow(by: count)
    try reserve(overflows ? .max : total)
    return .string(text.repeated(count))
  }

  private func repeated(_ items: JinjaList, _ count: Int) throws(Problem) -> JinjaValue {
    let count = items.items.isEmpty ? 0 : max(count, 0)
    let (total, overflows) = items.items.count.multipliedReportingOverflow(by: count)
    guard !overflows, total <= JinjaLimits.range else {
      throw error("a list grows longer than \(JinjaLimits.range)", .templateLimit)
    }
    return try list((0..<count).flatMap { _ in items.items }, items.flavor)
  }

  private func integers(
    _ operation: String, _ left: Int, _ right: Int
  ) throws(Problem) -> JinjaValue {
    if ["/", "//", "%"].contains(operation), right == 0 { throw error("a division by zero") }
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case "+": result = left.addingReportingOverflow(right)
    case "-": result = left.subtractingReportingOverflow(right)
    case "*": result = left.multipliedReportingOverflow(by: right)
    case "/": return .float(Double(left) / Double(right))
    case "//":
      result = left.dividedReportingOverflow(by: right)
      let isRoundedUp = !result.overflow && result.partialValue * right != left
      if isRoundedUp, (left < 0) != (right < 0) { return .integer(result.partialValue - 1) }
    case "%":
      result = left.remainderReportingOverflow(dividingBy: right)
      if result.partialValue != 0, (left < 0) != (right < 0) {
        return .integer(result.partialValue + right)
      }
    default:
      guard right >= 0 else { return try floats(operation, Double(left), Double(right)) }
      result = power(left, right)
    }
    guard !result.overflow else { throw error("an integer grows beyond 64 bits") }
    return .integer(result.partialValue)
  }

  private func power(_ base: Int, _ exponent: Int) -> (partialValue: Int, overflow: Bool) {
    if base == 0 || base == 1 { return (exponent == 0 ? 1 : base, false) }
    if base == -1 { return (exponent % 2 == 0 ? 1 : -1, false) }
    guard exponent < 64 else { return (0, true) }
    var result = 1
    for _ in 0..<exponent {
      let (product, overflows) = result.multipliedReportingOverflow(by: base)
      if overflows { return (0, true) }
      result = product
    }
    return (result, false)
  }

  private func floats(
    _ operation: String, _ left: Double, _ right: Double
  ) throws(Problem) -> JinjaValue {
    if ["/", "//", "%"].contains(operation), right == 0 { throw error("a division by zero") }
    switch operation {
    case "+": return .float(left + right)
    case "-": return .float(left - right)
    case "*": return .float(left * right)
    case "/": return .float(left / right)
    case "//": return .float((left / right).rounded(.down))
    case "%": return .float(left - right * (left / right).rounded(.down))
    default: return .float(pow(left, right))
    }
  }
}
