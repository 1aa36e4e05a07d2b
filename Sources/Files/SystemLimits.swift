import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the system lets this process have.
package enum SystemLimits {
  /// Bytes of address space (`ulimit -v`); nil where they are not limited.
  package static var addressSpace: UInt64? { current(RLIMIT_AS) }

  /// Bytes that the first thread's stack may grow to (`ulimit -s`); nil where they are not limited.
  package static var stack: UInt64? { current(RLIMIT_STACK) }

  #if os(Linux)
    private typealias Resource = __rlimit_resource
  #else
    private typealias Resource = Int32
  #endif

  private static func current(_ resource: Resource) -> UInt64? {
    var limit = rlimit()
    #if os(Linux)
      let isKnown = getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0
    #else
      let isKnown = getrlimit(resource, &limit) == 0
    #endif
    // What stands for no limit differs, and is beyond any real one.
    guard isKnown, limit.rlim_cur < 1 << 60 else { return nil }
    return UInt64(limit.rlim_cur)
  }

  /// The most memory that this program has held, in bytes.
  ///
  /// Linux keeps `ru_maxrss` when a process becomes another program, so that it may be that of a shell or
  /// of an interpreter.
  package static var peakMemory: Int {
    #if os(Linux)
      let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
      if let kilobytes = Int(line.filter(\.isNumber)) { return kilobytes * 1024 }
    #endif
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Int(usage.ru_maxrss) * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Int(usage.ru_maxrss)
    #endif
  }
}
