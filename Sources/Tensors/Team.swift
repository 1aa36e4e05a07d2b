import CKernels
import Dispatch
import Foundation
import Synchronization

/// Threads for loops that last microseconds.
///
/// Between two loops they stay awake for a tenth of a millisecond, because waking a sleeping thread
/// takes longer than a small product. Nothing waits for a thread that did not come: whoever is there
/// takes the next index, and the caller alone can finish. One loop runs at a time; another one that
/// is started meanwhile, from inside or from another thread, is run by its caller.
package final class Team: Sendable {
  package static let shared = Team()

  /// Number of the loop in the upper half, indices that nobody took yet in the lower one: an index
  /// can only be taken from the loop that is going on.
  private let ticket = Atomic<UInt64>(0)
  private let unfinished = Atomic(0)
  private let isBusy = Atomic(false)
  /// How many helpers were started, how many may help now, and how many sleep.
  private let hired = Atomic(0)
  private let invited = Atomic(0)
  private let asleep = Atomic(0)
  private let alarm = DispatchSemaphore(value: 0)
  /// Asked once: the answer takes 20 microseconds.
  private let processors = ProcessInfo.processInfo.activeProcessorCount
  /// Written while no index can be taken, read by those who took one.
  private let loop = Loop()

  private final class Loop: @unchecked Sendable {
    var count = 0
    var body: @Sendable (Int) -> Void = { _ in }
  }

  private init() {}

  /// Runs `body(0) ... body(count - 1)` on at most `threads` threads and returns when all have.
  package func run(_ count: Int, threads: Int, _ body: @escaping @Sendable (Int) -> Void) {
    guard threads > 1, count > 1, count < UInt32.max, !isBusy.exchange(true, ordering: .acquiring)
    else {
      for index in 0..<count { body(index) }
      return
    }
    hire(min(threads, count, processors) - 1)
    (loop.count, loop.body) = (count, body)
    unfinished.store(count, ordering: .relaxed)
    invited.store(min(threads, count) - 1, ordering: .relaxed)
    let number = ticket.load(ordering: .relaxed) >> 32 &+ 1
    ticket.store(number << 32 | UInt64(count), ordering: .sequentiallyConsistent)
    for _ in 0..<asleep.exchange(0, ordering: .sequentiallyConsistent) { alarm.signal() }
    takeAll()
    var spins = 0
    while unfinished.load(ordering: .acquiring) > 0 {
      spins += 1
      if spins < 1000 { bathyscope_pause() } else { sched_yield() }
    }
    loop.body = { _ in }
    isBusy.store(false, ordering: .releasing)
  }

  /// Runs indices of the loop that is going on until none is left.
  private func takeAll() {
    var seen = ticket.load(ordering: .acquiring)
    while seen & 0xffff_ffff > 0 {
      let (taken, now) = ticket.weakCompareExchange(
        expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
      seen = taken ? seen - 1 : now
      guard taken else { continue }
      loop.body(loop.count - Int(seen & 0xffff_ffff) - 1)
      unfinished.subtract(1, ordering: .acquiringAndReleasing)
      seen = ticket.load(ordering: .acquiring)
    }
  }

  /// Starts helpers until there are so many, or the system refuses one; only the caller of a loop does.
  private func hire(_ wanted: Int) {
    while hired.load(ordering: .relaxed) < wanted {
      let place = hired.load(ordering: .relaxed)
      guard WorkerThread.start({ [self] in help(place) }) != nil else { return }
      hired.store(place + 1, ordering: .relaxed)
    }
  }

  private func help(_ place: Int) -> Never {
    var spins = 0
    while true {
      if ticket.load(ordering: .acquiring) & 0xffff_ffff > 0,
        place < invited.load(ordering: .relaxed)
      {
        takeAll()
        spins = 0
      } else if spins < 5000 {
        spins += 1
        bathyscope_pause()
      } else {
        // If a loop begins just now, this one is missed; the next one rings again.
        asleep.add(1, ordering: .sequentiallyConsistent)
        alarm.wait()
        spins = 0
      }
    }
  }
}
