import CHDF5
import Files
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tries activation files in a process of its own, so that one on which libhdf5 crashes, hangs or
/// takes all memory ends that process and not the caller's.
///
/// The process is a program that calls `Inspector.run` on its last argument and exits with what that
/// returns.
public struct Inspector: Sendable {
  /// The program's path.
  public var executable: String
  /// Arguments before the file's path.
  public var arguments: [String]
  /// Seconds of wall time after which the process is ended.
  public var patience: Double

  /// - Parameter patience: seconds of wall time; a file that takes longer is refused.
  public init(executable: String, arguments: [String], patience: Double = 60) {
    self.executable = executable
    self.arguments = arguments
    self.patience = patience
  }

  /// - Throws: what is wrong with the file, also when the process did not live to tell.
  func inspect(_ path: String) throws(Problem) {
    let child: ChildProcess
    do throws(Problem) {
      child = try ChildProcess.run(executable, arguments + [path], patience: patience)
    } catch {
      throw Problem(
        error.code, path, problem: "cannot be inspected: \(executable) \(error.problem)",
        remedy: error.remedy)
    }
    switch child.end {
    case .exited(0): return
    case .exited(4): if let error = Self.error(in: child.output, path) { throw error }
    case .exited:
      // The program did not get as far as the file.
      throw Problem(
        .inspectionFailed, path, problem: "cannot be inspected: \(executable) ended \(child.end)",
        remedy: "check that it can be run, and the limits of the system (ulimit -a)")
    case .killed, .outOfTime: break
    }
    let problem = "libhdf5 crashed, hung or took too much memory when it read the file"
    guard let limit = SystemLimits.addressSpace else {
      throw Problem(
        .damaged, path, problem: problem,
        remedy: "it is damaged or made to do harm: fetch it again from a source that you trust")
    }
    // A good file can need more than the process was given.
    throw Problem(
      .systemLimit, path,
      problem: "\(problem) in at most \(limit >> 20) MiB of address space (ulimit -v)",
      remedy: "raise the limit, and see whether it can be read")
  }

  private static func error(in report: [UInt8], _ path: String) -> Problem? {
    guard let json = try? JSONReader.parse(report, file: path),
      let place = json["place"]?.text, let problem = json["problem"]?.text,
      let remedy = json["remedy"]?.text, let code = json["code"]?.text,
      code.utf8.count <= 40,
      code.utf8.allSatisfy({
        $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
      })
    else { return nil }
    return Problem(Problem.Code(code), path, place: place, problem: problem, remedy: remedy)
  }

  /// The process's part: reads the file under limits of one gigabyte more memory and five seconds of
  /// processor time, and of what the index of a file of its size may need, and prints what is wrong
  /// with it as JSON.
  ///
  /// - Returns: the status to exit with, 0 for a good file and 4 for a bad one.
  public static func run(_ path: String) -> Int32 {
    limitResources(for: path)
    do {
      let file = try ActivationFile(path, verifies: false)
      try file.touchEverySite()
      return 0
    } catch {
      let report = [
        "code": error.code.name, "place": error.place, "problem": error.problem,
        "remedy": error.remedy,
      ]
      print(jsonText(report.mapValues { String(decoding: $0.utf8.prefix(1000), as: UTF8.self) }))
      return 4
    }
  }

  private static func limitResources(for path: String) {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let size = min((attributes?[.size] as? UInt64) ?? 0, 1 << 40)
    #if os(Linux)
      let (core, cpu, memory) = (
        __rlimit_resource_t(RLIMIT_CORE.rawValue), __rlimit_resource_t(RLIMIT_CPU.rawValue),
        __rlimit_resource_t(RLIMIT_AS.rawValue)
      )
      let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
      let inUse = rlim_t(pages.prefix { $0 != " " }) ?? 0
    #else
      let (core, cpu, memory) = (RLIMIT_CORE, RLIMIT_CPU, RLIMIT_AS)
      let inUse: rlim_t = 0
    #endif
    for (resource, limit) in [
      (core, 0), (cpu, 5 + rlim_t(size >> 28)),
      (memory, inUse * rlim_t(getpagesize()) + 1 << 30 + 4 * rlim_t(size)),
    ] {
      var limit = rlimit(rlim_cur: limit, rlim_max: limit)
      setrlimit(resource, &limit)
    }
  }
}

extension ActivationFile {
  /// Reads the first and the last row of every site, and so walks the way to the data.
  func touchEverySite() throws(Problem) {
    var seen = Set<String>()
    for hook in hooks where seen.insert(hook.site.rawValue).inserted {
      _ = try matrix(hook, rows: 0..<1)
      _ = try matrix(hook, rows: (description.rowCount - 1)..<description.rowCount)
    }
  }
}
