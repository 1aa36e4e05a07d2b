import Bathyscope
import Foundation
import Synchronization
import Tensors

/// What a process needs before it does anything, whatever limits it is started under.
enum Launch {
  static func prepare() {
    fillDescriptors()
    #if os(Linux)
      setDefaultStack()
      explainLackOfMemory()
    #endif
  }

  /// A file that is opened takes the first free number: where a standard stream was closed, what is printed
  /// would be written into it. What stands in its place cannot be written to, and that shows at the end.
  private static func fillDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      _ = open("/dev/null", O_RDONLY)
    }
  }

  /// Runs the program on a stack that templates and JSON can recurse on, whatever the first thread has.
  static func withEnoughStack(_ run: @escaping @Sendable () -> Int32) -> Int32 {
    guard let stack = SystemLimits.stack, stack < 4 << 20 else { return run() }
    let status = Status()
    let thread = WorkerThread.start { status.value.store(run(), ordering: .releasing) }
    guard let thread else { return run() }
    pthread_join(thread, nil)
    return status.value.load(ordering: .acquiring)
  }

  private final class Status: Sendable {
    let value = Atomic<Int32>(0)
  }

  #if os(Linux)
    /// Threads that libraries start get the stack of the first one, which may be 64 kB.
    private static func setDefaultStack() {
      guard let stack = SystemLimits.stack, stack < 4 << 20 else { return }
      var attributes = pthread_attr_t()
      guard pthread_attr_init(&attributes) == 0 else { return }
      defer { pthread_attr_destroy(&attributes) }
      pthread_attr_setstacksize(&attributes, 4 << 20)
      // glibc's own, which its headers show to C with GNU's extensions only.
      typealias SetDefault = @convention(c) (UnsafePointer<pthread_attr_t>) -> Int32
      guard let symbol = dlsym(nil, "pthread_setattr_default_np") else { return }
      _ = unsafeBitCast(symbol, to: SetDefault.self)(&attributes)
    }

    /// Swift has no way to go on without memory: it ends the process by a signal. Where the address space
    /// is limited, say so instead.
    private static func explainLackOfMemory() {
      guard let limit = SystemLimits.addressSpace else { return }
      let line =
        "error [system-limit]: memory: no more could be had, most likely: the address space is "
        + "limited to \(bytes(Int(limit))) (ulimit -v); raise the limit\n"
      let text = UnsafeMutableRawBufferPointer.allocate(byteCount: line.utf8.count, alignment: 1)
      text.copyBytes(from: line.utf8)
      lastWords = UnsafeRawBufferPointer(text)
      // Where the stack is what ran out, the handler needs another one.
      let size = 1 << 16
      var stack = stack_t(
        ss_sp: UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16), ss_flags: 0,
        ss_size: size)
      sigaltstack(&stack, nil)
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in
        if let words = lastWords { _ = write(STDERR_FILENO, words.baseAddress, words.count) }
        _exit(4)
      }
      action.sa_flags = SA_ONSTACK
      for signal in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] { sigaction(signal, &action, nil) }
    }
  #endif
}

#if os(Linux)
  /// Written once, before any signal can come.
  nonisolated(unsafe) private var lastWords: UnsafeRawBufferPointer?
#endif
