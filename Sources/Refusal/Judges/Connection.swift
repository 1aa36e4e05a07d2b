import Foundation

/// Why an exchange came to nothing.
enum ExchangeFailure: Error {
  case timedOut
  /// The reply has more bytes than are read.
  case tooLarge
  /// In words of our own or the system's; nothing that a server wrote.
  case failed(String)
}

/// A TCP connection of which every step ends at one deadline, and that sleeps while it waits; with TLS on top
/// where a library for it is given.
final class Connection {
  private let descriptor: Int32
  private let deadline: ContinuousClock.Instant
  private var session: TLSSession?

  /// Tries the host's addresses in turn, of whatever version.
  init(
    host: String, port: Int, secure: OpenSSL? = nil, deadline: ContinuousClock.Instant
  ) throws(ExchangeFailure) {
    descriptor = try Self.open(host, port, deadline)
    self.deadline = deadline
    guard let secure else { return }
    guard let session = TLSSession(secure, descriptor, host: host) else {
      throw Self.insecure
    }
    self.session = session
    while true {
      switch session.connect() {
      case .done: return
      case .needs(let need): try wait(need)
      case .ended, .failed: throw Self.insecure
      }
    }
  }

  deinit { close(descriptor) }

  private static let insecure = ExchangeFailure.failed("no secure connection could be made")

  /// Sends all of the bytes; a peer that has closed its side may have answered already, and is no failure.
  func write(_ bytes: [UInt8]) throws(ExchangeFailure) {
    var place = 0
    while place < bytes.count {
      switch bytes[place...].withUnsafeBytes({ session?.write($0) ?? send($0) }) {
      case .done(let count): place += count
      case .needs(let need): try wait(need)
      case .ended: return
      case .failed: throw .failed("the connection was lost")
      }
    }
  }

  /// At most 16 KiB of what has come in; empty at the end.
  func read() throws(ExchangeFailure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    // A server that sends a byte now and then does not get more time by it.
    while deadline > .now {
      switch bytes.withUnsafeMutableBytes({ session?.read($0) ?? receive($0) }) {
      case .done(let count): return Array(bytes.prefix(count))
      case .needs(let need): try wait(need)
      case .ended: return []
      case .failed: throw .failed("the connection was lost")
      }
    }
    throw .timedOut
  }

  private func send(_ bytes: UnsafeRawBufferPointer) -> TLSSession.Step {
    let count = Foundation.send(descriptor, bytes.baseAddress, bytes.count, Self.sendFlags)
    if count >= 0 { return .done(count) }
    if errno == EPIPE || errno == ECONNRESET { return .ended }
    return [EAGAIN, EWOULDBLOCK, EINTR].contains(errno) ? .needs(.output) : .failed
  }

  private func receive(_ bytes: UnsafeMutableRawBufferPointer) -> TLSSession.Step {
    let count = recv(descriptor, bytes.baseAddress, bytes.count, 0)
    if count >= 0 { return count == 0 ? .ended : .done(count) }
    return [EAGAIN, EWOULDBLOCK, EINTR].contains(errno) ? .needs(.input) : .failed
  }

  private func wait(_ need: TLSSession.Need) throws(ExchangeFailure) {
    try Self.wait(descriptor, for: Int16(need == .input ? POLLIN : POLLOUT), deadline)
  }

  private static func open(
    _ host: String, _ port: Int, _ deadline: ContinuousClock.Instant
  ) throws(ExchangeFailure) -> Int32 {
    var failure = ExchangeFailure.failed("the host is not known")
    for address in try addresses(host, port, deadline) {
      let descriptor = socket(address.family, address.kind, 0)
      guard descriptor >= 0 else { continue }
      do throws(ExchangeFailure) {
        try connect(descriptor, address, deadline)
        return descriptor
      } catch {
        failure = error
        close(descriptor)
      }
    }
    throw failure
  }

  // MARK: System

  private struct Address: Sendable {
    var family: Int32
    var kind: Int32
    var bytes: [UInt8]
  }

  #if canImport(Darwin)
    private static let stream = SOCK_STREAM
    private static let sendFlags: Int32 = 0
  #else
    private static let stream = Int32(SOCK_STREAM.rawValue)
    private static let sendFlags = Int32(MSG_NOSIGNAL)
  #endif

  private static func connect(
    _ descriptor: Int32, _ address: Address, _ deadline: ContinuousClock.Instant
  ) throws(ExchangeFailure) {
    #if canImport(Darwin)
      var on: Int32 = 1
      setsockopt(
        descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #endif
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) >= 0 else {
      throw .failed("the system gives no socket")
    }
    let status = address.bytes.withUnsafeBytes { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        Foundation.connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
      }
    }
    guard status != 0 else { return }
    guard errno == EINPROGRESS else { throw .failed("nobody answers at this address") }
    try wait(descriptor, for: Int16(POLLOUT), deadline)
    var (code, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    guard code == 0 else { throw .failed("nobody answers at this address") }
  }

  private static func wait(
    _ descriptor: Int32, for events: Int16, _ deadline: ContinuousClock.Instant
  ) throws(ExchangeFailure) {
    while true {
      let left = deadline - .now
      guard left > .zero else { throw .timedOut }
      let milliseconds = min(left / .milliseconds(1), 1e9).rounded(.up)
      var entry = pollfd(fd: descriptor, events: events, revents: 0)
      let count = poll(&entry, 1, Int32(milliseconds))
      if count > 0 { return }
      guard count == 0 || errno == EINTR else { throw .failed("the connection failed") }
    }
  }

  /// Looked up in a thread of its own, which is left behind where it takes too long.
  private static func addresses(
    _ host: String, _ port: Int, _ deadline: ContinuousClock.Instant
  ) throws(ExchangeFailure) -> [Address] {
    let found = Found()
    let thread = Thread {
      found.finish(lookUp(host, port))
    }
    thread.start()
    let left = max((deadline - .now) / .seconds(1), 0)
    guard let addresses = found.wait(seconds: left) else { throw .timedOut }
    return addresses
  }

  private static func lookUp(_ host: String, _ port: Int) -> [Address] {
    var hints = addrinfo()
    hints.ai_socktype = stream
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var addresses: [Address] = []
    var next = list
    while let entry = next?.pointee {
      if let address = entry.ai_addr {
        addresses.append(
          Address(
            family: entry.ai_family, kind: entry.ai_socktype,
            bytes: Array(
              UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen)))))
      }
      next = entry.ai_next
    }
    return addresses
  }

  private final class Found: @unchecked Sendable {
    private let end = DispatchSemaphore(value: 0)
    private let lock = NSLock()
    private var addresses: [Address] = []

    func finish(_ found: [Address]) {
      lock.withLock { addresses = found }
      end.signal()
    }

    func wait(seconds: Double) -> [Address]? {
      guard end.wait(timeout: .now() + seconds) == .success else { return nil }
      return lock.withLock { addresses }
    }
  }
}
