import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program that runs beside this one and is waited for.
///
/// Foundation's takes ten descriptors and a thread, and traps where the system has none left; this takes
/// two descriptors, and what the system refuses is an error.
package struct ChildProcess {
  package enum End: Equatable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case killed(Int32)
    /// It took longer than was allowed, and was killed.
    case outOfTime

    package var description: String {
      switch self {
      case .exited(let status): "with status \(status)"
      case .killed(let signal): "by signal \(signal)"
      case .outOfTime: "when its time was over"
      }
    }
  }

  package var end: End
  /// The beginning of what it wrote to standard output.
  package var output: [UInt8]

  /// Runs a program to its end, with nothing to read.
  ///
  /// - Parameters:
  ///   - program: a path, or a name that is looked for in `PATH`.
  ///   - environment: its variables; those of this process by default.
  ///   - keepsErrors: whether what it writes to standard error is kept too, or dropped.
  ///   - patience: seconds after which it is killed.
  ///   - limit: bytes of its output that are kept.
  /// - Throws: when it cannot be started.
  package static func run(
    _ program: String, _ arguments: [String], environment: [String: String]? = nil,
    keepsErrors: Bool = false, patience: Double = .infinity, limit: Int = 1 << 20
  ) throws(Problem) -> ChildProcess {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw cannotStart(program, errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let identifier: pid_t
    do throws(Problem) {
      identifier = try spawn(
        program, arguments, environment ?? ProcessInfo.processInfo.environment, output: ends[1],
        errors: keepsErrors ? ends[1] : nil)
    } catch {
      for end in ends { close(end) }
      throw error
    }
    close(ends[1])
    let deadline = ContinuousClock.now + .seconds(min(patience, 1e9))
    let output = read(ends[0], until: deadline, limit: limit)
    defer { close(ends[0]) }
    return ChildProcess(end: wait(for: identifier, until: deadline), output: output)
  }

  private static func cannotStart(_ program: String, _ code: Int32) -> Problem {
    Problem(
      .cannotStart, program, problem: "cannot be started: \(String(cString: strerror(code)))",
      remedy: "check that it is there, and the limits on processes and open files (ulimit -a)")
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String], output: Int32,
    errors: Int32?
  ) throws(Problem) -> pid_t {
    #if os(Linux)
      var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
    #else
      var (actions, attributes): (posix_spawn_file_actions_t?, posix_spawnattr_t?) = (nil, nil)
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    if let errors {
      posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    }
    keepDescriptors()
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for word in words + variables { free(word) } }
    var identifier = pid_t()
    let code = posix_spawnp(&identifier, program, &actions, &attributes, &words, &variables)
    guard code == 0 else { throw cannotStart(program, code) }
    return identifier
  }

  /// Marks all open files to be closed in the child: one that it would hold open would stay locked, also after
  /// it was closed here. libhdf5 does not mark its own.
  private static func keepDescriptors() {
    let first = STDERR_FILENO + 1
    let end = Int32(clamping: min(sysconf(Int32(_SC_OPEN_MAX)), 4096))
    for descriptor in first..<max(first, end) {
      let flags = fcntl(descriptor, F_GETFD)
      if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
    }
  }

  private static func read(
    _ descriptor: Int32, until deadline: ContinuousClock.Instant, limit: Int
  ) -> [UInt8] {
    var (output, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
    while ContinuousClock.now < deadline {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 100) > 0 else { continue }
      #if canImport(Glibc)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
      #else
        let count = Darwin.read(descriptor, &buffer, buffer.count)
      #endif
      guard count != 0, count > 0 || errno == EINTR else { break }
      output += buffer.prefix(min(max(count, 0), limit - output.count))
    }
    return output
  }

  private static func wait(for identifier: pid_t, until deadline: ContinuousClock.Instant) -> End {
    var (status, isLate) = (Int32(0), false)
    while true {
      if !isLate, ContinuousClock.now >= deadline {
        kill(identifier, SIGKILL)
        isLate = true
      }
      let ended = waitpid(identifier, &status, isLate ? 0 : WNOHANG)
      if ended == identifier || (ended < 0 && errno != EINTR) { break }
      if ended == 0 { usleep(1000) }
    }
    let signal = status & 0x7F
    if isLate, signal == SIGKILL { return .outOfTime }
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal)
  }
}
