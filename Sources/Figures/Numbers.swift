import Foundation
import Statistics

/// Numbers as a reader wants them; the CSV beside each figure has all their digits.
package enum Numbers {
  /// Three significant digits, scientific below 0.0001 and from a million on.
  package static func significant(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "undefined" : value < 0 ? "-∞" : "∞" }
    guard value != 0 else { return "0" }
    guard abs(value) >= 1e-4, abs(value) < 1e6 else { return String(format: "%.2e", value) }
    // Rounding may carry into the next power of ten: 0.9996 is 1.00.
    let scientific = String(format: "%.2e", value)
    let exponent = scientific.split(separator: "e").last.flatMap { Int($0) } ?? 0
    return fixed(value, decimals: max(2 - exponent, 0))
  }

  /// A share as a percentage, two decimals at most: `95`, `97.5`, `99.17`.
  package static func percent(_ share: Double) -> String { coordinate(100 * share) }

  /// A coordinate: two decimals at most, no trailing zeros.
  static func coordinate(_ value: Double) -> String {
    var text = fixed(value, decimals: 2)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  /// Round values that divide the range into about `count` steps.
  static func ticks(from low: Double, to high: Double, about count: Int) -> [Double] {
    guard low.isFinite, high.isFinite, high > low, (high - low).isFinite else { return [low] }
    let rough = (high - low) / Double(max(count, 1))
    let power = pow(10, log10(rough).rounded(.down))
    let step = power * ([1, 2, 5, 10].first { $0 * power >= rough * 0.75 } ?? 10)
    let (first, last) = ((low / step - 1e-9).rounded(.up), (high / step + 1e-9).rounded(.down))
    guard step > 0, last >= first, last - first < 100 else { return [low, high] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  /// A tick's label with the decimals that its step needs.
  static func tickLabels(_ ticks: [Double]) -> [String] {
    guard ticks.count > 2, let largest = ticks.map(abs).max(), largest < 1e6 else {
      return ticks.map(significant)
    }
    let step = abs(ticks[1] - ticks[0])
    guard step >= 1e-5 else { return ticks.map(significant) }
    let decimals = max(Int((-log10(step) - 1e-9).rounded(.up)), 0)
    return ticks.map { fixed($0, decimals: decimals) }
  }
}
