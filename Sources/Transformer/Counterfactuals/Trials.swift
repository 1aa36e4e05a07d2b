import Files
import Foundation
import Tensors

/// The outcomes of variants, one by one, while the rest is still running.
///
/// The work is done on a thread of its own, which waits when the reader falls behind.
public struct Trials: AsyncSequence, Sendable {
  /// One variant's readings and effects.
  public typealias Element = Trial

  let run:
    @Sendable (
      _ isCancelled: @escaping @Sendable () -> Bool, _ receive: (Trial) throws -> Void
    ) throws -> Void

  /// A reader; each one runs the work anew.
  public func makeAsyncIterator() -> Iterator { Iterator(run: run) }

  /// Starts with the first trial that is asked for, and ends the work when it is let go.
  public final class Iterator: AsyncIteratorProtocol {
    private let run:
      @Sendable (@escaping @Sendable () -> Bool, (Trial) throws -> Void) throws -> Void
    private let queue = TrialQueue()
    private var hasBegun = false

    init(
      run:
        @escaping @Sendable (@escaping @Sendable () -> Bool, (Trial) throws -> Void) throws
        -> Void
    ) {
      self.run = run
    }

    deinit { queue.cancel() }

    /// The next trial that is done; nil at the end.
    /// - Throws: what the work throws, and `CancellationError` when the task was cancelled.
    public func next() async throws -> Trial? {
      if !hasBegun {
        hasBegun = true
        let (queue, run) = (queue, run)
        let worker = WorkerThread.start {
          do {
            try run({ queue.isCancelled }) { try queue.put($0) }
            queue.end(nil)
          } catch {
            queue.end(error)
          }
        }
        guard let worker else {
          throw Problem(
            .systemLimit, "counterfactuals", problem: "the system gives no thread",
            remedy: "raise ulimit -u, or ask for them without waiting one by one")
        }
        pthread_detach(worker)
      }
      let queue = queue
      let trial = try await withTaskCancellationHandler {
        try await queue.take()
      } onCancel: {
        queue.cancel()
      }
      try Task.checkCancellation()
      return trial
    }
  }
}

/// A few trials between the thread that makes them and the task that reads them.
private final class TrialQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var trials: [Trial] = []
  private var isOver = false
  private var failure: (any Error)?
  private var cancelled = false
  private var reader: CheckedContinuation<Trial?, any Error>?

  /// How many wait for a slow reader.
  private static let most = 256

  var isCancelled: Bool {
    condition.lock()
    defer { condition.unlock() }
    return cancelled
  }

  /// Waits until there is room.
  func put(_ trial: Trial) throws {
    condition.lock()
    defer { condition.unlock() }
    while trials.count >= Self.most, !cancelled { condition.wait() }
    if cancelled { throw CancellationError() }
    if let reader {
      self.reader = nil
      reader.resume(returning: trial)
    } else {
      trials.append(trial)
    }
  }

  func end(_ error: (any Error)?) {
    condition.lock()
    defer { condition.unlock() }
    (isOver, failure) = (true, error)
    guard let reader else { return }
    self.reader = nil
    finish(reader)
  }

  func cancel() {
    condition.lock()
    defer { condition.unlock() }
    cancelled = true
    trials = []
    condition.broadcast()
    guard let reader else { return }
    self.reader = nil
    reader.resume(throwing: CancellationError())
  }

  func take() async throws -> Trial? {
    try await withCheckedThrowingContinuation { continuation in
      condition.lock()
      defer { condition.unlock() }
      if cancelled {
        continuation.resume(throwing: CancellationError())
      } else if !trials.isEmpty {
        continuation.resume(returning: trials.removeFirst())
        condition.signal()
      } else if isOver {
        finish(continuation)
      } else {
        reader = continuation
      }
    }
  }

  private func finish(_ reader: CheckedContinuation<Trial?, any Error>) {
    if let failure {
      reader.resume(throwing: failure)
      self.failure = nil
    } else {
      reader.resume(returning: nil)
    }
  }
}
