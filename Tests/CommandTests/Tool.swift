import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The built executable, run as a user runs it: with no terminal and nothing on standard input.
struct Tool {
  /// What a finished run left behind.
  struct Outcome: Sendable {
    var status: Int32
    /// Whether a signal ended it, which then is `status`.
    var wasKilled: Bool
    var output: String
    var errors: String

    /// What kind of problem its last line of errors names; nil where it names none.
    var code: String? {
      let line = errors.split(separator: "\n").last ?? ""
      return line.prefixMatch(of: #/error \[([a-z0-9-]+)\]: /#).map { String($0.1) }
    }

    /// The one document on standard output.
    var json: [String: Any] {
      get throws {
        let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
        return try #require(object as? [String: Any], "\(output.prefix(200))")
      }
    }
  }

  /// Beside the test bundle.
  static let executable: URL = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    let folder = bundle?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
    return folder.appendingPathComponent("bathyscope")
  }()

  /// Starts a command, its output in files: a pipe that is not read could stop it.
  static func start(
    _ arguments: [String], in folder: Scratch, environment: [String: String] = [:],
    name: String = UUID().uuidString, as program: URL = executable
  ) throws -> Running {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let fixed = ["SOURCE_DATE_EPOCH": "1700000000", "COLUMNS": "100"]
    process.environment = ProcessInfo.processInfo.environment
      .merging(fixed) { $1 }.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let running = Running(
      process: process, output: folder.hidden("\(name).out"), errors: folder.hidden("\(name).err"))
    process.standardOutput = try running.sink(running.output)
    process.standardError = try running.sink(running.errors)
    process.terminationHandler = { [end = running.end] _ in end.signal() }
    try withoutBlockedSignals { try process.run() }
    return running
  }

  /// A finished run, and the most memory that it held, in megabytes.
  static func measured(
    _ arguments: [String], in folder: Scratch
  ) throws -> (outcome: Outcome, megabytes: Double) {
    let running = try start(arguments, in: folder)
    // What wait4 says of a child includes the memory of the process that started it.
    let status = "/proc/\(running.process.processIdentifier)/status"
    var kilobytes = 0.0
    while running.end.wait(timeout: .now() + .milliseconds(2)) == .timedOut {
      guard let text = try? String(contentsOfFile: status, encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
      else { continue }
      kilobytes = max(kilobytes, Double(line.filter(\.isNumber)) ?? 0)
    }
    running.end.signal()
    return (try running.outcome(), kilobytes / 1000)
  }

  /// Tests run on threads that block all signals, which a process would inherit.
  private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }

  struct Running {
    let process: Process
    let output: String
    let errors: String
    let end = DispatchSemaphore(value: 0)

    fileprivate func sink(_ path: String) throws -> FileHandle {
      try Data().write(to: URL(fileURLWithPath: path))
      return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }

    /// Waits for the end; a run that hangs is killed and so shows as killed.
    func outcome(within seconds: Double = 60) throws -> Outcome {
      if end.wait(timeout: .now() + seconds) == .timedOut {
        kill(process.processIdentifier, SIGKILL)
        end.wait()
      }
      func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
      }
      return Outcome(
        status: process.terminationStatus,
        wasKilled: process.terminationReason == .uncaughtSignal, output: try text(output),
        errors: try text(errors))
    }
  }

  static func run(
    _ arguments: [String], in folder: Scratch, environment: [String: String] = [:]
  ) throws -> Outcome {
    try start(arguments, in: folder, environment: environment).outcome()
  }

  /// A run that is killed in the middle of a line: the system ends it when a file would grow beyond so
  /// many blocks of 512 bytes, however fast or slow the machine is.
  static func killed(
    _ arguments: [String], whenAFileHas blocks: Int, in folder: Scratch
  ) throws -> Outcome {
    let script = "ulimit -c 0; ulimit -f \(blocks); exec \"$@\""
    let outcome = try start(
      ["-c", script, "sh", executable.path] + arguments, in: folder,
      as: URL(fileURLWithPath: "/bin/sh")
    ).outcome()
    #expect(outcome.wasKilled && outcome.status == SIGXFSZ, "\(outcome.status) \(outcome.errors)")
    return outcome
  }
}

/// A folder in which commands run; removed with the last reference to it.
final class Scratch: Sendable {
  let path: String
  private let outputs: String

  init() throws {
    let base = NSTemporaryDirectory() + "bathyscope-command-\(UUID().uuidString)"
    (path, outputs) = ("\(base)/work", "\(base)/outputs")
    for folder in [path, outputs] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
  }

  deinit {
    try? FileManager.default.removeItem(
      at: URL(fileURLWithPath: path).deletingLastPathComponent())
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }
  /// A place outside of the folder in which commands run.
  func hidden(_ name: String) -> String { "\(outputs)/\(name)" }

  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }
  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: file(name)))
  }
  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  /// Every file below, hidden ones too.
  var contents: [String] {
    (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).sorted()
  }
}

/// The folder of these tests' sources.
let testFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

/// Two random models of three blocks, 36 and 32 wide, that have no tokenizer.
enum TinyModel {
  static let llama = path("tiny-llama")
  static let withBias = path("tiny-llama-bias")

  private static func path(_ name: String) -> String {
    testFolder.deletingLastPathComponent()
      .appendingPathComponent("TransformerTests/Golden/\(name)").path
  }
}

/// Prompts of two classes, which differ in whether token 7 stands among their last ones.
func syntheticPrompts(_ count: Int = 60, seed: UInt64 = 1) -> String {
  var state = seed
  func random(_ bound: UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) % bound
  }
  let rows = (0..<count).map { index in
    let isMarked = index % 2 == 0
    var tokens = (0..<(4 + random(9))).map { _ in 10 + random(87) }
    tokens += [isMarked ? 7 : 8, 3]
    return #"{"id": "seed\#(seed)-\#(index)", "token_ids": \#(tokens), "marked": \#(isMarked)}"#
  }
  return rows.joined(separator: "\n") + "\n"
}
