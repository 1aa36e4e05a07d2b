import Dispatch
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
  let next = Atomic(0)
  DispatchQueue.concurrentPerform(iterations: workers) { _ in
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      body(index)
    }
  }
}
