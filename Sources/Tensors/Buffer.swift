import Foundation

/// Floats at a fixed address: weights and workspaces.
///
/// Either its own memory, aligned to a cache line and zeroed, or memory that belongs to someone else,
/// such as a mapped file, which it keeps alive.
package final class Buffer: @unchecked Sendable {
  package let start: UnsafeMutablePointer<Float>
  package let count: Int
  private let owner: AnyObject?

  /// Zeroed memory.
  package init(count: Int) {
    let bytes = max(count * MemoryLayout<Float>.stride, 64)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    start = memory.assumingMemoryBound(to: Float.self)
    self.count = count
    owner = nil
  }

  /// Floats inside memory that `owner` keeps valid; never written to.
  package init(borrowing start: UnsafePointer<Float>, count: Int, from owner: AnyObject) {
    self.start = UnsafeMutablePointer(mutating: start)
    self.count = count
    self.owner = owner
  }

  deinit {
    if owner == nil { UnsafeMutableRawPointer(start).deallocate() }
  }
}

/// A pointer that crosses threads: whoever makes one answers for it that writes do not overlap.
package struct Unchecked<Value>: @unchecked Sendable {
  package let value: Value
  package init(_ value: Value) { self.value = value }
}
