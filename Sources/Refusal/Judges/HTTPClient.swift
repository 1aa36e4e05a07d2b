import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Posts JSON and waits for the answer, within bounds of time and size.
///
/// It follows no redirection, which would carry the key elsewhere, keeps no cookies and decompresses
/// nothing.
struct HTTPClient: Sendable {
  /// What came back.
  enum Outcome: Sendable {
    case reply(status: Int, retryAfter: String?, body: [UInt8])
    case tooLarge
    case timedOut
    /// In words of our own or the system's; nothing that a server wrote.
    case failed(String)
  }

  /// Bytes of a reply's body.
  let limit: Int

  /// - Parameter seconds: for the whole exchange.
  func post(_ body: [UInt8], to url: URL, key: String?, within seconds: Double) -> Outcome {
    let isSecure = url.scheme != "http"
    let library = isSecure ? OpenSSL.shared : nil
    guard !isSecure || library != nil else {
      return SecureSession(timeout: seconds, limit: limit).post(body, to: url, key: key)
    }
    do throws(ExchangeFailure) {
      let parts = URLComponents(url: url, resolvingAgainstBaseURL: false)
      let host = parts?.host ?? ""
      let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
      let connection = try Connection(
        host: bare, port: parts?.port ?? (isSecure ? 443 : 80), secure: library,
        deadline: .now + .seconds(seconds))
      let name = bare.contains(":") ? "[\(bare)]" : bare
      let path = parts?.percentEncodedPath ?? "/"
      var lines = [
        "POST \(path.isEmpty ? "/" : path) HTTP/1.1",
        "Host: \(name)\(parts?.port.map { ":\($0)" } ?? "")", "User-Agent: bathyscope",
        "Accept: application/json", "Accept-Encoding: identity",
        "Content-Type: application/json", "Content-Length: \(body.count)", "Connection: close",
      ]
      if let key { lines.append("Authorization: Bearer \(key)") }
      try connection.write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
      let reply = try HTTPReply(limit: limit) { () throws(ExchangeFailure) in
        try connection.read()
      }
      return .reply(status: reply.status, retryAfter: reply.retryAfter, body: reply.body)
    } catch {
      switch error {
      case .timedOut: return .timedOut
      case .tooLarge: return .tooLarge
      case .failed(let words): return .failed(words)
      }
    }
  }
}
