import Dispatch
import Synchronization

/// `body(0) ... body(count - 1)` in order, computed on at most `threads` threads.
///
/// Each call works alone, so that results are the same for any number of threads. Of several errors
/// the first by index is thrown.
package func concurrentMap<Value: Sendable>(
  _ count: Int, threads: Int, _ body: @Sendable (Int) throws(ProbingError) -> Value
) throws(ProbingError) -> [Value] {
  let state = Mutex((next: 0, results: [Result<Value, ProbingError>?](repeating: nil, count: count)))
  DispatchQueue.concurrentPerform(iterations: min(count, max(threads, 1))) { _ in
    while true {
      let index = state.withLock { state in
        defer { state.next += 1 }
        return state.next
      }
      guard index < count else { return }
      let result = Result { () throws(ProbingError) in try body(index) }
      state.withLock { $0.results[index] = result }
    }
  }
  var values: [Value] = []
  for result in state.withLock({ $0.results }) {
    if let result { values.append(try result.get()) }
  }
  return values
}
