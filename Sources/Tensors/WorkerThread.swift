#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads with a stack of their own size, whatever the limit on that of the first one.
///
/// The system may refuse one (`ulimit -u`, `ulimit -v`): that is no error for work that its caller can do
/// alone. Foundation's threads trap then, and Dispatch waits for ever.
package enum WorkerThread {
  /// Bytes; the deepest recursion, that of a chat template, takes two megabytes.
  private static let stackSize = 8 << 20

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a thread and returns what to join it by; nil where the system refuses one.
  @discardableResult
  package static func start(_ run: @escaping @Sendable () -> Void) -> pthread_t? {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return nil }
    defer { pthread_attr_destroy(&attributes) }
    guard pthread_attr_setstacksize(&attributes, stackSize) == 0 else { return nil }
    let body = Unmanaged.passRetained(Body(run))
    #if os(Linux)
      var thread = pthread_t()
      let status = pthread_create(
        &thread, &attributes,
        { argument in
          if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, body.toOpaque())
    #else
      var thread: pthread_t?
      let status = pthread_create(
        &thread, &attributes,
        { argument in
          Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
          return nil
        }, body.toOpaque())
    #endif
    guard status == 0 else {
      body.release()
      return nil
    }
    return thread
  }
}
