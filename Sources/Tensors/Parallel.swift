import Dispatch
import Foundation
import Synchronization

/// Runs `body(0) ... body(count - 1)` on at most `threads` threads; each takes the next index.
///
/// For work of a millisecond and more, such as a tile of sequences; `Team` is for shorter loops.
package func parallelFor(
  _ count: Int, threads: Int, _ body: @Sendable (Int) -> Void
) {
  let workers = min(count, max(threads, 1))
  guard workers > 1 else {
    for index in 0..<count { body(index) }
    return
  }
  withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: body) { Crew.shared.run(SharedLoop(count, $0), workers: workers) }
  }
}

/// A loop that several threads share.
private final class SharedLoop: @unchecked Sendable {
  private let count: Int
  /// Lives until the caller has seen the end of every helper.
  private let body: UnsafePointer<@Sendable (Int) -> Void>
  private let next = Atomic(0)
  let end = DispatchSemaphore(value: 0)

  init(_ count: Int, _ body: UnsafePointer<@Sendable (Int) -> Void>) {
    self.count = count
    self.body = body
  }

  /// Runs indices until none is left.
  func takeAll() {
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      body.pointee(index)
    }
  }
}

/// Helpers that sleep between loops.
///
/// Nothing waits for one that did not come: the caller of a loop takes part, withdraws at the end what
/// nobody took up, and can do all of it alone. A loop may so be started from inside of another.
private final class Crew: Sendable {
  static let shared = Crew()

  private struct State {
    /// Each as often as helpers are wanted.
    var open: [SharedLoop] = []
    var hired = 0
  }

  private let state = Mutex(State())
  private let alarm = DispatchSemaphore(value: 0)
  private let processors = ProcessInfo.processInfo.activeProcessorCount

  func run(_ loop: SharedLoop, workers: Int) {
    let wanted = min(workers, processors) - 1
    state.withLock { state in
      state.open += Array(repeating: loop, count: wanted)
      while state.hired < processors - 1, state.hired < state.open.count {
        guard WorkerThread.start({ [self] in help() }) != nil else { break }
        state.hired += 1
      }
    }
    for _ in 0..<wanted { alarm.signal() }
    loop.takeAll()
    let withdrawn = state.withLock { state in
      let before = state.open.count
      state.open.removeAll { $0 === loop }
      return before - state.open.count
    }
    for _ in 0..<(wanted - withdrawn) { loop.end.wait() }
  }

  private func help() {
    while true {
      alarm.wait()
      let loop = state.withLock { $0.open.isEmpty ? nil : $0.open.removeFirst() }
      guard let loop else { continue }
      loop.takeAll()
      loop.end.signal()
    }
  }
}
