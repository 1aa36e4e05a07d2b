import Foundation

/// The system's OpenSSL, looked for when an https endpoint is asked.
///
/// Foundation's URL loading on Linux reads ahead without bounds and spins while it waits; this reads what is
/// asked for. Certificates are checked against the system's, and against the host's name.
struct OpenSSL: Sendable {
  typealias Object = UnsafeMutableRawPointer

  let method: @convention(c) @Sendable () -> Object?
  let newContext: @convention(c) @Sendable (Object?) -> Object?
  let freeContext: @convention(c) @Sendable (Object?) -> Void
  let useDefaultPaths: @convention(c) @Sendable (Object?) -> Int32
  let setVerify: @convention(c) @Sendable (Object?, Int32, Object?) -> Void
  let newSession: @convention(c) @Sendable (Object?) -> Object?
  let freeSession: @convention(c) @Sendable (Object?) -> Void
  let setDescriptor: @convention(c) @Sendable (Object?, Int32) -> Int32
  let control: @convention(c) @Sendable (Object?, Int32, Int, UnsafePointer<CChar>?) -> Int
  let setHost: @convention(c) @Sendable (Object?, UnsafePointer<CChar>?) -> Int32
  let connect: @convention(c) @Sendable (Object?) -> Int32
  let read: @convention(c) @Sendable (Object?, UnsafeMutableRawPointer?, Int32) -> Int32
  let write: @convention(c) @Sendable (Object?, UnsafeRawPointer?, Int32) -> Int32
  let errorOf: @convention(c) @Sendable (Object?, Int32) -> Int32
  let clearErrors: @convention(c) @Sendable () -> Void

  /// Nil where the system has none.
  static let shared = OpenSSL()

  private init?() {
    let names = ["libssl.so.3", "libssl.so.1.1"]
    guard let library = names.lazy.compactMap({ dlopen($0, RTLD_NOW | RTLD_GLOBAL) }).first
    else { return nil }
    var isWhole = true
    func find<Function>(_ name: String, _: Function.Type = Function.self) -> Function? {
      guard let symbol = dlsym(library, name) else {
        isWhole = false
        return nil
      }
      return unsafeBitCast(symbol, to: Function.self)
    }
    guard
      let method: @convention(c) @Sendable () -> Object? = find("TLS_client_method"),
      let newContext: @convention(c) @Sendable (Object?) -> Object? = find("SSL_CTX_new"),
      let freeContext: @convention(c) @Sendable (Object?) -> Void = find("SSL_CTX_free"),
      let useDefaultPaths: @convention(c) @Sendable (Object?) -> Int32 = find(
        "SSL_CTX_set_default_verify_paths"),
      let setVerify: @convention(c) @Sendable (Object?, Int32, Object?) -> Void = find(
        "SSL_CTX_set_verify"),
      let newSession: @convention(c) @Sendable (Object?) -> Object? = find("SSL_new"),
      let freeSession: @convention(c) @Sendable (Object?) -> Void = find("SSL_free"),
      let setDescriptor: @convention(c) @Sendable (Object?, Int32) -> Int32 = find("SSL_set_fd"),
      let control: @convention(c) @Sendable (Object?, Int32, Int, UnsafePointer<CChar>?) -> Int =
        find(
          "SSL_ctrl"),
      let setHost: @convention(c) @Sendable (Object?, UnsafePointer<CChar>?) -> Int32 = find(
        "SSL_set1_host"),
      let connect: @convention(c) @Sendable (Object?) -> Int32 = find("SSL_connect"),
      let read: @convention(c) @Sendable (Object?, UnsafeMutableRawPointer?, Int32) -> Int32 =
        find("SSL_read"),
      let write: @convention(c) @Sendable (Object?, UnsafeRawPointer?, Int32) -> Int32 = find(
        "SSL_write"),
      let errorOf: @convention(c) @Sendable (Object?, Int32) -> Int32 = find("SSL_get_error"),
      let clearErrors: @convention(c) @Sendable () -> Void = find("ERR_clear_error"), isWhole
    else { return nil }
    (self.method, self.newContext, self.freeContext) = (method, newContext, freeContext)
    (self.useDefaultPaths, self.setVerify) = (useDefaultPaths, setVerify)
    (self.newSession, self.freeSession) = (newSession, freeSession)
    (self.setDescriptor, self.control, self.setHost) = (setDescriptor, control, setHost)
    (self.connect, self.read, self.write) = (connect, read, write)
    (self.errorOf, self.clearErrors) = (errorOf, clearErrors)
  }
}

/// TLS over a connected socket that does not block.
final class TLSSession {
  private let library: OpenSSL
  private let context: OpenSSL.Object
  private let session: OpenSSL.Object

  /// What a step needs before it can go on.
  enum Need: Sendable { case input, output }
  enum Step: Sendable {
    case done(Int)
    case needs(Need)
    case ended, failed
  }

  init?(_ library: OpenSSL, _ descriptor: Int32, host: String) {
    guard let context = library.newContext(library.method()) else { return nil }
    // 1: the peer must show a certificate that the system trusts.
    library.setVerify(context, 1, nil)
    guard library.useDefaultPaths(context) == 1, let session = library.newSession(context) else {
      library.freeContext(context)
      return nil
    }
    (self.library, self.context, self.session) = (library, context, session)
    // 55 names the host to a server with several; 33 lets a write be repeated from another place.
    let isAddress = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
    guard library.setHost(session, host) == 1,
      isAddress || library.control(session, 55, 0, host) == 1,
      library.setDescriptor(session, descriptor) == 1
    else { return nil }
    _ = library.control(session, 33, 3, nil)
    // It writes without a word against the signal of a closed connection, which would end the process.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  deinit {
    library.freeSession(session)
    library.freeContext(context)
  }

  func connect() -> Step {
    library.clearErrors()
    return step(library.connect(session))
  }

  func read(_ bytes: UnsafeMutableRawBufferPointer) -> Step {
    library.clearErrors()
    return step(library.read(session, bytes.baseAddress, Int32(clamping: bytes.count)))
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> Step {
    library.clearErrors()
    return step(library.write(session, bytes.baseAddress, Int32(clamping: bytes.count)))
  }

  private func step(_ status: Int32) -> Step {
    guard status <= 0 else { return .done(Int(status)) }
    switch library.errorOf(session, status) {
    case 2: return .needs(.input)
    case 3: return .needs(.output)
    case 6: return .ended
    default: return .failed
    }
  }
}
