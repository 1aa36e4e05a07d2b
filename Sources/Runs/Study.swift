import Files

/// Something that can be run and whose result can be published: a value that holds all that decides it.
///
///     let sweep = try await HeadSweep(model, prompts, probe).run(in: RunFolder.open("heads", ...))
public protocol Study: Sendable {
  /// What was found; it reads back what was written.
  associatedtype Result: Codable & Sendable

  /// All that decides the numbers.
  func provenance() throws(Problem) -> Provenance

  /// What it will take, before anything is run.
  func estimate() throws(Problem) -> Estimate

  /// Runs what is missing, and keeps every finished row in the folder.
  ///
  /// - Throws: `cancelled` where the task was cancelled; what was finished stays.
  func run(in folder: RunFolder, progress: RunProgress) async throws(Problem) -> Result
}

/// What a run will take, roughly.
public struct Estimate: Sendable, Equatable {
  /// Wall time.
  public var seconds: Double
  /// The most resident memory, in bytes.
  public var memory: Int
  /// What is written, in bytes.
  public var disk: Int

  /// An estimate; disk is 0 where little is written.
  public init(seconds: Double, memory: Int, disk: Int = 0) {
    self.seconds = seconds
    self.memory = memory
    self.disk = disk
  }
}

/// Who is told how far a run is.
public struct RunProgress: Sendable {
  private let report: @Sendable (_ done: Int, _ total: Int, _ unit: String) -> Void

  /// Calls a closure, from any thread, never twice at a time for one run.
  public init(_ report: @escaping @Sendable (_ done: Int, _ total: Int, _ unit: String) -> Void) {
    self.report = report
  }

  /// Tells nobody.
  public static let none = RunProgress { _, _, _ in }

  /// Says how much is done.
  public func callAsFunction(_ done: Int, of total: Int, _ unit: String) {
    report(done, total, unit)
  }
}
