import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// One exchange over TLS by Foundation's URL loading, where there is no OpenSSL.
final class SecureSession: Sendable {
  private let receiver = Receiver()
  private let session: URLSession
  private let timeout: Double

  /// - Parameters:
  ///   - timeout: seconds for a whole exchange.
  ///   - limit: bytes of a reply.
  init(timeout: Double, limit: Int) {
    self.timeout = timeout
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = timeout
    configuration.timeoutIntervalForResource = timeout
    configuration.httpCookieStorage = nil
    configuration.urlCache = nil
    receiver.limit.withLock { $0 = limit }
    session = URLSession(configuration: configuration, delegate: receiver, delegateQueue: nil)
  }

  deinit { session.invalidateAndCancel() }

  func post(_ body: [UInt8], to url: URL, key: String?) -> HTTPClient.Outcome {
    var request = URLRequest(url: url, timeoutInterval: timeout)
    request.httpMethod = "POST"
    request.httpBody = Data(body)
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
    let task = session.dataTask(with: request)
    let end = receiver.register(task.taskIdentifier)
    task.resume()
    // Longer than the session's own limit, in case that it does not keep it.
    if end.wait(timeout: .now() + timeout + 1) == .timedOut {
      task.cancel()
      _ = receiver.take(task.taskIdentifier)
      return .timedOut
    }
    guard let state = receiver.take(task.taskIdentifier) else { return .timedOut }
    if state.isTooLarge { return .tooLarge }
    if let error = state.error {
      return error.code == .timedOut ? .timedOut : .failed(Self.words(error.code))
    }
    guard let response = task.response as? HTTPURLResponse else {
      return .failed("no answer came")
    }
    return .reply(
      status: response.statusCode,
      retryAfter: response.value(forHTTPHeaderField: "Retry-After"), body: state.body)
  }

  private static func words(_ code: URLError.Code) -> String {
    switch code {
    case .cannotConnectToHost: "nobody answers at this address"
    case .cannotFindHost, .dnsLookupFailed: "the host is not known"
    case .networkConnectionLost: "the connection was lost"
    case .secureConnectionFailed, .serverCertificateUntrusted, .serverCertificateHasBadDate,
      .serverCertificateNotYetValid, .serverCertificateHasUnknownRoot:
      "no secure connection could be made"
    default: "the connection failed (code \(code.rawValue))"
    }
  }
}

/// Gathers what comes in for each exchange.
private final class Receiver: NSObject, URLSessionDataDelegate {
  struct State {
    var body: [UInt8] = []
    var isTooLarge = false
    var error: URLError?
    let end = DispatchSemaphore(value: 0)
  }

  let limit = Mutex(0)
  private let states = Mutex<[Int: State]>([:])

  func register(_ task: Int) -> DispatchSemaphore {
    let state = State()
    states.withLock { $0[task] = state }
    return state.end
  }

  func take(_ task: Int) -> State? { states.withLock { $0.removeValue(forKey: task) } }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let limit = limit.withLock { $0 }
    let isTooLarge = states.withLock { states -> Bool in
      guard var state = states.removeValue(forKey: dataTask.taskIdentifier) else { return true }
      if state.body.count + data.count > limit {
        state.isTooLarge = true
        state.body = []
      } else if !state.isTooLarge {
        state.body += data
      }
      states[dataTask.taskIdentifier] = state
      return state.isTooLarge
    }
    if isTooLarge { dataTask.cancel() }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    states.withLock { states in
      states[task.taskIdentifier]?.error = error.map { $0 as? URLError ?? URLError(.unknown) }
      _ = states[task.taskIdentifier]?.end.signal()
    }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping (URLRequest?) -> Void
  ) { completionHandler(nil) }
}
