import Files
import Statistics

/// Columns and rows: what stands in a report as a table, and beside a figure as CSV and JSON.
///
///     DataTable(columns: ["layer", "AUROC"], rows: [[.integer(20), .interval(auroc)]])
public struct DataTable: Sendable, Equatable {
  /// One value of a table.
  public enum Cell: Sendable, Equatable {
    case text(String)
    case integer(Int)
    case number(Double)
    /// Printed with bounds and n; four columns in CSV.
    case interval(Interval)
    /// Absent, which is not zero.
    case missing

    /// A number that may be absent.
    public init(_ value: Double?) { self = value.map(Cell.number) ?? .missing }
  }

  /// The header, in CSV and on the page: one name for each cell of a row.
  public var columns: [String]
  /// From top to bottom, each with one cell for each column.
  public var rows: [[Cell]]

  /// - Precondition: every row has one cell for each column.
  public init(columns: [String], rows: [[Cell]]) {
    precondition(rows.allSatisfy { $0.count == columns.count }, "one cell for each column")
    self.columns = columns
    self.rows = rows
  }

  /// RFC 4180 with a header, every number with all its digits, an absent value empty; `CSVCell` says how
  /// texts are guarded.
  ///
  /// A column of intervals becomes four: the estimate under the column's name, then low, high and n.
  public var csv: String {
    let flat = flattened
    let lines = [flat.columns.map(CSVCell.text)] + flat.rows.map { $0.map(Self.plain) }
    return lines.map { $0.joined(separator: ",") + "\r\n" }.joined()
  }

  /// The rows as JSON arrays, in the order of the columns; what has no JSON number is null.
  func json(indent: String) -> String {
    let flat = flattened
    let names = flat.columns.map(JSONText.string).joined(separator: ", ")
    let rows = flat.rows.map { row in
      "\(indent)  [" + row.map(JSONText.value).joined(separator: ", ") + "]"
    }
    let body = rows.isEmpty ? "" : "\n" + rows.joined(separator: ",\n") + "\n\(indent)"
    return "\(indent)\"columns\": [\(names)],\n\(indent)\"rows\": [\(body)]"
  }

  private var flattened: (columns: [String], rows: [[Cell]]) {
    let isInterval = columns.indices.map { column in
      rows.contains { if case .interval = $0[column] { true } else { false } }
    }
    let names = columns.indices.flatMap { column in
      let name = columns[column]
      return isInterval[column] ? [name, "\(name)_low", "\(name)_high", "\(name)_n"] : [name]
    }
    let values = rows.map { row in
      row.indices.flatMap { column -> [Cell] in
        guard isInterval[column] else { return [row[column]] }
        guard case .interval(let interval) = row[column] else {
          return [row[column], .missing, .missing, .missing]
        }
        return [
          .number(interval.estimate), .number(interval.low), .number(interval.high),
          .integer(interval.n),
        ]
      }
    }
    return (names, values)
  }

  private static func plain(_ cell: Cell) -> String {
    switch cell {
    case .text(let text): CSVCell.text(text)
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .interval(let interval): "\(interval.estimate)"
    case .missing: ""
    }
  }

  /// A `<table>`; numbers are rounded, and show all their digits when pointed at.
  var html: String {
    let isText = columns.indices.map { column in
      rows.contains { if case .text = $0[column] { true } else { false } }
    }
    func tag(_ column: Int) -> String { isText[column] ? "" : " class=\"number\"" }
    let head = columns.indices.map {
      "<th scope=\"col\"\(tag($0))>\(Markup.escape(columns[$0]))</th>"
    }
    let body = rows.map { row in
      let cells = row.indices.map { column -> String in
        switch row[column] {
        case .text(let text):
          // A narrow page would break it word by word.
          let tag = text.count > 24 ? " class=\"long\"" : ""
          return "<td\(tag)><bdi>\(Markup.escape(text))</bdi></td>"
        case .integer(let value): return "<td\(tag(column))>\(value)</td>"
        case .number(let value):
          return "<td\(tag(column)) title=\"\(value)\">\(Numbers.significant(value))</td>"
        case .interval(let interval):
          let method = Markup.escape("\(interval.estimate); \(interval.method)")
          return "<td\(tag(column)) title=\"\(method)\">\(interval)</td>"
        case .missing: return "<td\(tag(column))>–</td>"
        }
      }
      return "<tr>" + cells.joined() + "</tr>\n"
    }
    return "<div class=\"scroll\"><table>\n<thead><tr>\(head.joined())</tr></thead>\n<tbody>\n"
      + body.joined() + "</tbody></table></div>\n"
  }
}

/// JSON as text, the same bytes for the same values.
enum JSONText {
  static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return escapingHarmful(result + "\"")
  }

  static func value(_ cell: DataTable.Cell) -> String {
    switch cell {
    case .text(let text): string(text)
    case .integer(let value): "\(value)"
    case .number(let value): value.isFinite ? "\(value)" : "null"
    case .interval(let interval): value(.number(interval.estimate))
    case .missing: "null"
    }
  }
}
