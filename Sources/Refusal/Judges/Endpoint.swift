import Files
import Foundation

/// Where an OpenAI-compatible server listens, and how it is asked.
public struct Endpoint: Sendable {
  /// The environment variable that holds the key; nothing else does, and nothing writes it down.
  public static let keyVariable = "BATHYSCOPE_JUDGE_KEY"

  /// The address with `/chat/completions` behind it.
  let url: URL
  /// The address as it may be written down.
  public let address: String
  /// The model's name, as the server knows it.
  public let model: String
  let key: String?
  /// How many questions are under way at a time.
  public var concurrency = 4
  /// Seconds for all exchanges over one question; pauses that a server asks for come on top.
  public var timeout = 60.0
  /// How often a question is asked again.
  public var retries = 4
  /// Seconds before the first repetition; doubled for each further one.
  var firstDelay = 0.5
  /// A server that asks for a longer pause is not waited for.
  var longestPause = 300.0
  /// Bytes of a reply.
  var replyLimit = 1 << 20

  /// - Parameters:
  ///   - address: such as `http://localhost:8000/v1` or `https://api.openai.com/v1`.
  ///   - key: taken from `keyVariable` by whoever calls.
  /// - Throws: for an address that holds a secret or would send the key in the clear.
  public init(_ address: String, model: String, key: String?) throws(Problem) {
    func refuse(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
      // The address itself is not repeated: what is wrong with it may be the secret in it.
      Problem(code, "the judge's endpoint", problem: problem, remedy: remedy)
    }
    guard let parts = URLComponents(string: address), let host = parts.host, !host.isEmpty,
      parts.scheme == "http" || parts.scheme == "https"
    else {
      throw refuse(
        .invalidEndpoint, "is no http or https address", "give one such as http://localhost:8000/v1"
      )
    }
    guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
    else {
      throw refuse(
        .secretExposed, "has a user, a password or a query, which would be written into results",
        "put the key into the environment variable \(Self.keyVariable)")
    }
    let isLocal = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host.lowercased())
    guard key == nil || parts.scheme == "https" || isLocal else {
      throw refuse(
        .secretExposed, "is not https, and \(Self.keyVariable) would be sent in the clear",
        "use https, or unset the variable")
    }
    guard key?.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) ?? true else {
      throw refuse(
        .invalidEnvironment,
        "gets a key with spaces or control characters from \(Self.keyVariable)",
        "set the variable again, without a line break")
    }
    guard !model.isEmpty else {
      throw refuse(.invalidEndpoint, "is asked for no model", "name the model")
    }
    let base = address.hasSuffix("/") ? String(address.dropLast()) : address
    guard let url = URL(string: base + "/chat/completions") else {
      throw refuse(.invalidEndpoint, "is no address", "give one such as http://localhost:8000/v1")
    }
    (self.url, self.address, self.model, self.key) = (url, base, model, key)
  }
}

/// One question's way: asked, repeated where that may help, and read.
struct EndpointExchange {
  /// A failure that no repetition and no other answer would mend.
  enum Failure: Error, Sendable {
    case refused(status: Int)
    case redirected(status: Int)
    case unreachable(String)
  }

  /// What an exchange ended with.
  enum Result: Sendable {
    case words(String)
    /// Why there are none; the next run asks again.
    case none(String)
  }

  let endpoint: Endpoint
  let client: HTTPClient
  let sleep: @Sendable (Double) -> Void

  func ask(_ body: [UInt8]) throws(Failure) -> Result {
    var last = ""
    let clock = ContinuousClock()
    var left = endpoint.timeout
    for attempt in 0...endpoint.retries {
      var pause = min(endpoint.firstDelay * Double(1 << min(attempt, 10)), 30)
      let start = clock.now
      let outcome = client.post(body, to: endpoint.url, key: endpoint.key, within: left)
      left -= (clock.now - start) / .seconds(1)
      switch outcome {
      case .reply(200, _, let body):
        switch Self.words(in: body) {
        case .some(let words): return .words(hidingKey(words))
        case nil: last = "the reply is no chat completion"
        }
      case .reply(let status, let retryAfter, _) where status == 429 || status >= 500:
        last = "the server answered \(status)"
        if let wanted = retryAfter.flatMap({ Self.seconds($0) }) {
          guard wanted <= endpoint.longestPause else {
            return .none("\(last) and asks to wait \(Int(min(wanted, 1e9))) s")
          }
          pause = max(pause, wanted)
        }
      case .reply(let status, _, _) where (300..<400).contains(status):
        throw .redirected(status: status)
      case .reply(let status, _, _) where [401, 403, 404, 405].contains(status):
        throw .refused(status: status)
      case .reply(let status, _, _):
        // Such as 400 and 413 for a text that a server does not take.
        return .none("the server answered \(status)")
      case .tooLarge:
        return .none("the reply is longer than \(endpoint.replyLimit) bytes")
      case .timedOut: return .none("no reply within \(endpoint.timeout) s")
      case .failed(let words):
        last = words
        if attempt == endpoint.retries { throw .unreachable(words) }
      }
      guard attempt < endpoint.retries else { break }
      guard left > 0 else { return .none("\(last), and \(endpoint.timeout) s have passed") }
      sleep(pause)
    }
    return .none("\(last), \(endpoint.retries + 1) times")
  }

  /// The text of the first choice; nil where the reply has another form.
  static func words(in body: [UInt8]) -> String? {
    guard let json = try? JSONReader.parse(body, file: "reply", valueLimit: 100_000),
      let message = json["choices"]?.array?.first?["message"]
    else { return nil }
    return message["content"]?.text ?? message["refusal"]?.text
  }

  /// Seconds that a Retry-After header asks for: a number, or a date (RFC 9110).
  static func seconds(_ header: String, now: Date = Date()) -> Double? {
    if let seconds = Double(header), seconds.isFinite { return max(0, seconds) }
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    return formatter.date(from: header).map { max(0, $0.timeIntervalSince(now)) }
  }

  /// A server may repeat the key that it was given.
  private func hidingKey(_ text: String) -> String {
    guard let key = endpoint.key, !key.isEmpty else { return text }
    return text.replacing(key, with: "[key]")
  }
}
