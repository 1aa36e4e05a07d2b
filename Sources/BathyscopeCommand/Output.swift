import Bathyscope
import Foundation

/// Writes one line to standard error, whatever names and texts from files are in it.
func writeError(_ message: String) {
  writeToStandardError(onOneLine(message, limit: 4000) + "\n")
}

/// Writes a text of our own as it is, and lets go of it where nobody listens: Foundation's handles trap.
private func writeToStandardError(_ text: String) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let written = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    guard written > 0 || (written < 0 && errno == EINTR) else { return }
    bytes = bytes.dropFirst(max(written, 0))
  }
}

/// Asks a question on standard error, and waits at its end for the answer.
func ask(_ question: String) -> String? {
  writeToStandardError(onOneLine(question) + " ")
  return readLine()
}

/// Prints one line on standard output, whatever names and texts from files are in it. It takes the place
/// of Swift's own in this module.
func print(_ line: String) { printLine(line) }

/// The same, for types that have a `print` of their own.
func printLine(_ line: String) { Swift.print(onOneLine(line)) }

/// Prints a text of several lines that holds nothing from outside, or JSON with its escapes.
func printLines(_ text: String) { Swift.print(text) }

/// Writes what is wrong with the words of the command line: lines of our own, in which a word is quoted
/// on one line.
func writeUsage(_ message: String) {
  var text = message
  for argument in CommandLine.arguments.dropFirst() {
    for word in [argument, argument.drop { $0 != "=" }.dropFirst().description] {
      let shown = onOneLine(word, limit: 200)
      if shown != word { text = text.replacing(word, with: shown) }
    }
  }
  for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
    writeError(String(line))
  }
}

/// Fails when what was printed did not arrive, as on a full disk: a result cut short must not pass.
func flushOutput() throws {
  guard fflush(nil) == 0 else {
    throw Problem(
      .unwritable, "standard output",
      problem: "cannot be written: \(String(cString: strerror(errno)))",
      remedy: "check free space, and that it is open")
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
      return escapingHarmful(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
  }
}

/// Prints one JSON document on standard output.
func printJSON(_ schema: String, _ content: some Encodable) throws {
  printLines(try Document(schema: schema, content: content).text)
}

/// Rows under a header, the columns as wide as their widest cell. Rows that are made as they are asked for
/// are made twice, and never all held.
func printTable(_ header: [String], _ rows: some Collection<[String]>) {
  func cells(_ row: [String]) -> [String] { row.map { onOneLine($0, limit: 200) } }
  var widths = header.map(\.count)
  for row in rows {
    for (column, cell) in cells(row).enumerated() {
      widths[column] = max(widths[column], cell.count)
    }
  }
  func printRow(_ row: [String]) {
    let padded = zip(cells(row), widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
    print(padded.joined(separator: "  ").trimmingCharacters(in: [" "]))
  }
  printRow(header)
  for row in rows { printRow(row) }
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

/// The largest amount of memory that this program has held, in bytes.
func peakMemory() -> Int { SystemLimits.peakMemory }

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

  private func write(_ text: String) { writeToStandardError(text) }
}

/// The command line as it was given, one JSON array: part of every result's provenance.
func commandLineJSON() -> String {
  jsonArray(["bathyscope"] + CommandLine.arguments.dropFirst())
}

/// Texts as one JSON array on one line.
func jsonArray(_ texts: [String]) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.withoutEscapingSlashes]
  return escapingHarmful(
    (try? encoder.encode(texts)).map { String(decoding: $0, as: UTF8.self) } ?? "[]")
}
