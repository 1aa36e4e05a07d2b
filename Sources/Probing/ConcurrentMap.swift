import Files
import Synchronization
import Tensors

/// `body(0) ... body(count - 1)` in order, computed on at most `threads` threads.
///
/// Each call works alone, so that results are the same for any number of threads. Of several errors
/// the first by index is thrown.
func concurrentMap<Value: Sendable>(
  _ count: Int, threads: Int, _ body: @Sendable (Int) throws(Problem) -> Value
) throws(Problem) -> [Value] {
  let results = Mutex([Result<Value, Problem>?](repeating: nil, count: count))
  parallelFor(count, threads: threads) { index in
    let result = Result { () throws(Problem) in try body(index) }
    results.withLock { $0[index] = result }
  }
  var values: [Value] = []
  for case .some(let result) in results.withLock({ $0 }) { values.append(try result.get()) }
  return values
}
