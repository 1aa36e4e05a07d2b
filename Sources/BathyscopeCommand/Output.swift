import Bathyscope
import Foundation

/// Writes a message to standard error. Names and texts from files stand in it, so that control
/// characters are escaped and never reach a terminal.
func writeError(_ message: String) {
  var text = ""
  for scalar in message.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control where scalar != "\n", .format: text += scalar.escaped(asASCII: true)
    default: text.unicodeScalars.append(scalar)
    }
  }
  FileHandle.standardError.write(Data("\(text)\n".utf8))
}

/// Fails when what was printed did not arrive, as on a full disk: a result cut short must not pass.
func flushOutput() throws {
  guard fflush(nil) == 0 else {
    throw FileError(
      file: "standard output", problem: "cannot be written: \(String(cString: strerror(errno)))",
      remedy: "check free space")
  }
}

/// What every document on standard output says about itself.
struct Document<Content: Encodable>: Encodable {
  var schema: String
  var toolVersion = bathyscopeVersion
  var content: Content

  enum CodingKeys: String, CodingKey {
    case schema
    case toolVersion = "tool_version"
  }

  func encode(to encoder: any Encoder) throws {
    try content.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("bathyscope-\(schema)-1", forKey: .schema)
    try container.encode(toolVersion, forKey: .toolVersion)
  }

  var text: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      return escapingControls(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
  }
}

/// JSON lets DEL and the C1 control characters through, which a terminal obeys.
func escapingControls(_ json: String) -> String {
  json.unicodeScalars.reduce(into: "") { text, scalar in
    if (0x7F...0x9F).contains(scalar.value) {
      text += "\\u00" + String(scalar.value, radix: 16)
    } else {
      text.unicodeScalars.append(scalar)
    }
  }
}

/// Prints one JSON document on standard output.
func printJSON(_ schema: String, _ content: some Encodable) throws {
  print(try Document(schema: schema, content: content).text)
}

/// Rows under a header, the columns as wide as their widest cell.
func printTable(_ header: [String], _ rows: [[String]]) {
  let all = [header] + rows
  let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
  for row in all {
    let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
    print(cells.joined(separator: "  ").trimmingCharacters(in: [" "]))
  }
}

func fixed(_ value: Double, _ decimals: Int) -> String {
  String(format: "%.\(decimals)f", locale: Locale(identifier: "en_US_POSIX"), value)
}

/// `1.8 GB`, in powers of ten.
func bytes(_ count: Int) -> String {
  let units = ["bytes", "kB", "MB", "GB", "TB"]
  var (value, unit) = (Double(count), 0)
  while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
  return unit == 0 ? "\(count) bytes" : "\(fixed(value, 1)) \(units[unit])"
}

/// `42 s` or `3 min 5 s`.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds < 1e8 else { return "unknown" }
  let whole = Int(seconds.rounded(.up))
  if whole < 90 { return "\(whole) s" }
  return whole < 5400
    ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
}

/// The largest amount of memory that this process has held, in bytes.
func peakMemory() -> Int {
  var usage = rusage()
  #if os(Linux)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Int(usage.ru_maxrss) * 1024
  #else
    getrusage(RUSAGE_SELF, &usage)
    return Int(usage.ru_maxrss)
  #endif
}

/// Rate and time left on standard error, for what takes over two seconds; none off a terminal.
struct Progress {
  private let unit: String
  private let total: Int
  private let start = ContinuousClock.now
  private var done = 0
  private var shown: ContinuousClock.Instant?
  private let isTerminal = isatty(STDERR_FILENO) == 1

  init(of total: Int, _ unit: String) { (self.total, self.unit) = (total, unit) }

  /// One run of some sequences; says what a long one will take.
  init(of sequences: [TokenSequence], in model: Model, threads: Int) {
    let tokens = sequences.reduce(0) { $0 + $1.tokens.count }
    let seconds = Double(tokens) / model.estimatedTokensPerSecond(threads: threads)
    if seconds > 2 { writeError("\(tokens) tokens: about \(duration(seconds))") }
    self.init(of: tokens, "tokens")
  }

  /// Seconds since the start.
  var seconds: Double {
    let elapsed = (ContinuousClock.now - start).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  mutating func advance(by count: Int) {
    done += count
    guard isTerminal else { return }
    let now = ContinuousClock.now
    guard now - start > .seconds(2), shown.map({ now - $0 > .milliseconds(500) }) ?? true else {
      return
    }
    shown = now
    let rate = Double(done) / seconds
    let left = duration(Double(total - done) / rate)
    write("\r\(done) of \(total) \(unit), \(fixed(rate, 0)) a second, \(left) left\u{1B}[K")
  }

  /// Clears the line.
  func finish() { if shown != nil { write("\r\u{1B}[K") } }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// The command line as it was given, one JSON array: part of every result's provenance.
func commandLineJSON() -> String {
  jsonArray(["bathyscope"] + CommandLine.arguments.dropFirst())
}

/// Texts as one JSON array on one line.
func jsonArray(_ texts: [String]) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.withoutEscapingSlashes]
  return (try? encoder.encode(texts)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
}
