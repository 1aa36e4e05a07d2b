import Foundation

/// The date and time that a chat template sees when it asks for today's.
///
/// It is a value, so that a run can be repeated on another day with the same tokens.
public struct TemplateDate: Codable, Equatable, Sendable {
  /// From 1 to 9999.
  public var year: Int
  /// From 1 to 12.
  public var month: Int
  /// From 1 to 31.
  public var day: Int
  /// From 0 to 23.
  public var hour: Int
  /// From 0 to 59.
  public var minute: Int
  /// From 0 to 59.
  public var second: Int

  /// - Parameters:
  ///   - month: 1 to 12; like all others brought into its range.
  public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    self.year = min(max(year, 1), 9999)
    self.month = min(max(month, 1), 12)
    self.day = min(max(day, 1), 31)
    self.hour = min(max(hour, 0), 23)
    self.minute = min(max(minute, 0), 59)
    self.second = min(max(second, 0), 59)
  }

  /// The present moment in UTC.
  public static var now: TemplateDate {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents(
      [.year, .month, .day, .hour, .minute, .second], from: Date())
    return TemplateDate(
      year: parts.year ?? 1, month: parts.month ?? 1, day: parts.day ?? 1, hour: parts.hour ?? 0,
      minute: parts.minute ?? 0, second: parts.second ?? 0)
  }

  /// The beginning of a day that is written as 2026-11-23; nil for anything else.
  public init?(dayOf text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2] else {
      return nil
    }
    self.init(year: year, month: month, day: day)
    let days = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard dayText == text, day <= days[self.month - 1] else { return nil }
  }

  /// The day alone, such as 2026-11-23.
  package var dayText: String {
    func padded(_ value: Int, _ width: Int) -> String {
      String(repeating: "0", count: max(0, width - "\(value)".count)) + "\(value)"
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  private var isLeapYear: Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private var dayOfYear: Int {
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month - 1]
    return before + day + (month > 2 && isLeapYear ? 1 : 0)
  }

  private var weekday: Int {
    let past = year - 1
    return (past * 365 + past / 4 - past / 100 + past / 400 + dayOfYear) % 7
  }

  /// The date as C's `strftime` writes it in English; nil for a directive that is not known.
  func formatted(_ format: String) -> String? {
    // A date that was decoded, or set field by field, can hold any number.
    let date = TemplateDate(
      year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    var result = ""
    var characters = format.unicodeScalars.makeIterator()
    while let scalar = characters.next() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      guard var directive = characters.next() else { return nil }
      let isPadded = directive != "-"
      if !isPadded {
        guard let next = characters.next() else { return nil }
        directive = next
      }
      guard let text = date.field(directive, isPadded: isPadded) else { return nil }
      result += text
    }
    return result
  }

  private func field(_ directive: Unicode.Scalar, isPadded: Bool) -> String? {
    func padded(_ value: Int, _ width: Int = 2, _ filler: String = "0") -> String {
      let text = String(value)
      let missing = isPadded ? max(0, width - text.count) : 0
      return String(repeating: filler, count: missing) + text
    }
    switch directive {
    case "Y": return String(year)
    case "y": return padded(year % 100)
    case "m": return padded(month)
    case "d": return padded(day)
    case "e": return padded(day, 2, " ")
    case "j": return padded(dayOfYear, 3)
    case "H": return padded(hour)
    case "I": return padded((hour + 11) % 12 + 1)
    case "M": return padded(minute)
    case "S": return padded(second)
    case "p": return hour < 12 ? "AM" : "PM"
    case "B": return Self.months[month - 1]
    case "b", "h": return String(Self.months[month - 1].prefix(3))
    case "A": return Self.weekdays[weekday]
    case "a": return String(Self.weekdays[weekday].prefix(3))
    case "F": return "\(year)-\(padded(month))-\(padded(day))"
    case "T": return "\(padded(hour)):\(padded(minute)):\(padded(second))"
    case "%": return "%"
    default: return nil
    }
  }
}
