/// Reads one reply of HTTP/1.0 or 1.1, within bounds: no more than `limit` bytes of it and 64 KiB around
/// them are ever in memory.
struct HTTPReply {
  private(set) var status = 0
  private(set) var retryAfter: String?
  private(set) var body: [UInt8] = []

  /// Bytes of status lines, headers, sizes of chunks and trailers, all together.
  private static let headLimit = 64 << 10

  private let receive: () throws(ExchangeFailure) -> [UInt8]
  private let limit: Int
  private var buffer: ArraySlice<UInt8> = []
  private var headLeft = headLimit

  /// How the body's end is known.
  private enum End {
    case length(Int)
    case chunks
    case connection
  }

  /// - Parameter receive: gives what comes next; nothing at the end of the connection.
  init(
    limit: Int, _ receive: @escaping () throws(ExchangeFailure) -> [UInt8]
  ) throws(ExchangeFailure) {
    (self.limit, self.receive) = (limit, receive)
    var end = try head()
    // Such as 100 Continue, before the reply itself.
    while (100..<200).contains(status), status != 101 { end = try head() }
    guard status != 204, status != 304 else { return }
    switch end {
    case .length(let count):
      guard count <= limit else { throw .tooLarge }
      try append(count)
    case .chunks: try chunks()
    case .connection:
      while try fill() {
        guard body.count + buffer.count <= limit else { throw .tooLarge }
        body += buffer
        buffer = []
      }
    }
  }

  // MARK: Head

  private mutating func head() throws(ExchangeFailure) -> End {
    let words = try line().split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].count == 3,
      let status = Int(words[1]), (100...599).contains(status)
    else { throw .failed("the reply is not HTTP") }
    (self.status, retryAfter) = (status, nil)
    var (length, isChunked) = (Int?.none, false)
    while true {
      let line = try line()
      guard !line.isEmpty else { break }
      guard let colon = line.firstIndex(of: ":") else { throw .failed("the reply is not HTTP") }
      let value = line[line.index(after: colon)...].filter { $0 != "\t" }
        .drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
      let text = String(value)
      switch line[..<colon].lowercased() {
      case "content-length":
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !text.isEmpty,
          length == nil || length == Int(text)
        else { throw .failed("the reply's length makes no sense") }
        guard let count = Int(text) else { throw .tooLarge }
        length = count
      case "transfer-encoding":
        guard text.lowercased() == "chunked" else {
          throw .failed("the reply's transfer encoding is not known")
        }
        isChunked = true
      case "content-encoding":
        // What was compressed may be of any size, and was not asked for.
        guard ["", "identity"].contains(text.lowercased()) else {
          throw .failed("the reply is compressed, which was not asked for")
        }
      case "retry-after": retryAfter = text
      default: break
      }
    }
    return isChunked ? .chunks : length.map { .length($0) } ?? .connection
  }

  /// The next line without its end.
  private mutating func line() throws(ExchangeFailure) -> String {
    var bytes: [UInt8] = []
    while true {
      if buffer.isEmpty, try !fill() { throw .failed("the connection was lost") }
      let part = buffer.prefix { $0 != 0x0A }
      let isWhole = part.count < buffer.count
      headLeft -= part.count + 1
      guard headLeft >= 0 else { throw .tooLarge }
      bytes += part
      buffer = buffer.dropFirst(part.count + (isWhole ? 1 : 0))
      guard isWhole else { continue }
      if bytes.last == 0x0D { bytes.removeLast() }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  // MARK: Body

  private mutating func chunks() throws(ExchangeFailure) {
    while true {
      let digits = try line().prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
      guard !digits.isEmpty, digits.utf8.allSatisfy({ UInt8($0).isHexDigit }) else {
        throw .failed("a chunk of the reply has no size")
      }
      guard let count = Int(digits, radix: 16), count <= limit - body.count else {
        throw .tooLarge
      }
      guard count > 0 else { break }
      try append(count)
      guard try line().isEmpty else { throw .failed("a chunk of the reply has another size") }
    }
    while try !line().isEmpty {}
  }

  /// Adds as many bytes to the body.
  private mutating func append(_ count: Int) throws(ExchangeFailure) {
    let end = body.count + count
    while body.count < end {
      if buffer.isEmpty, try !fill() { throw .failed("the connection was lost") }
      let part = buffer.prefix(end - body.count)
      body += part
      buffer = buffer.dropFirst(part.count)
    }
  }

  /// Whether there is more.
  private mutating func fill() throws(ExchangeFailure) -> Bool {
    if buffer.isEmpty { buffer = try receive()[...] }
    return !buffer.isEmpty
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
  }
}
