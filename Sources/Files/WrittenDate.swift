import Foundation

/// The date that is written into results.
package enum WrittenDate {
  /// The variable that fixes it, for files that are to be the same byte for byte.
  package static let variable = "SOURCE_DATE_EPOCH"

  /// `SOURCE_DATE_EPOCH` where it is set, and now where it is not, in whole seconds.
  /// - Throws: when the variable is no whole number of seconds from 1970 to the year 9999.
  package static func now() throws(Problem) -> Date {
    guard let text = ProcessInfo.processInfo.environment[variable] else {
      return Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
    }
    guard let seconds = seconds(text) else {
      throw Problem(
        .invalidEnvironment, variable,
        problem: "is '\(printable(text.utf8))', no whole number of seconds since 1970",
        remedy: "unset it, or set it to a number such as 1700000000")
    }
    return Date(timeIntervalSince1970: Double(seconds))
  }

  static func seconds(_ text: String) -> Int? {
    let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    guard isNumber, let seconds = Int(text), seconds <= 253_402_300_799 else { return nil }
    return seconds
  }
}
