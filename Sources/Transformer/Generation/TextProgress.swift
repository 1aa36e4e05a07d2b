import Prompts
import Tokenization

/// What a model has written so far, as text: which segment the next token belongs to, and whether a
/// stop text has come up.
///
/// Everything is decided token by token, when a token is written: an intervention on thinking or on
/// the answer has to know it then.
struct TextProgress {
  /// What is being written.
  private enum Part {
    /// Nothing but white space or the beginning of the opening marker, behind a prompt that has not opened
    /// the thinking.
    case beginning
    /// The rest of the opening marker, such as a newline.
    case opening(rest: ArraySlice<UInt8>)
    case thinking
    /// White space behind the closing marker.
    case closing
    case answer
  }

  private let tokenizer: Tokenizer
  private let markers: ThinkingMarkers
  private let opener: [UInt8]
  private let openCore: [UInt8]
  private let closeCore: [UInt8]
  private let stops: [[UInt8]]
  private var part: Part
  private(set) var bytes: [UInt8] = []
  /// How many tokens of thinking there are.
  private(set) var thinkingTokens = 0
  /// Where the thinking begins, in `bytes`.
  private var thinkingStart: Int?
  /// Whether the prompt has opened the thinking, and whether there may be any.
  private let wasOpened: Bool
  private let mayThink: Bool
  /// Where the first stop text begins, in `bytes`.
  private(set) var stopStart: Int?

  /// - Parameter prompt: what stands before, which may have opened the thinking already.
  init(_ encoder: PromptEncoder, behind prompt: TokenSequence, stops: [String]) {
    tokenizer = encoder.tokenizer
    markers = encoder.markers
    opener = Array(encoder.markers.open.utf8)
    openCore = Array(encoder.markers.openCore.utf8)
    closeCore = Array(encoder.markers.closeCore.utf8)
    self.stops = stops.map { Array($0.utf8) }
    // Sixteen more than the marker, for white space behind it.
    let tail = prompt.tokens.suffix(opener.count + 16).flatMap(tokenizer.bytes)
    if prompt.segments.last == .thinking {
      part = .thinking
    } else if encoder.markers.isOpened(by: tail) {
      part = .opening(rest: encoder.markers.missingOpener(behind: tail)[...])
    } else {
      part = openCore.isEmpty || prompt.segments.last == .answer ? .answer : .beginning
    }
    mayThink = if case .answer = part { false } else { true }
    wasOpened = if case .beginning = part { false } else { mayThink }
    if wasOpened { thinkingStart = 0 }
  }

  /// Whether what comes next is thinking, as far as one can tell.
  var isThinking: Bool {
    switch part {
    case .opening, .thinking: true
    case .beginning, .closing, .answer: false
    }
  }

  /// Takes the next token and tells its segment.
  mutating func take(_ token: Int32) -> Segment {
    let (before, new) = (bytes.count, tokenizer.bytes(of: token))
    bytes += new
    lookForStop(from: before)
    if case .beginning = part, let segment = begin() { return segment }
    if case .opening(let rest) = part {
      if !new.isEmpty, rest.starts(with: new) {
        part = .opening(rest: rest.dropFirst(new.count))
        return .template
      }
      part = .thinking
    }
    if case .thinking = part { return think(from: before) }
    if case .closing = part {
      if new.allSatisfy(\.isSpace) { return .template }
      part = .answer
    }
    return .answer
  }

  /// Whether the opening marker stands at the beginning; nil when something else does.
  private mutating func begin() -> Segment? {
    let text = bytes.drop(while: \.isSpace)
    guard text.starts(with: openCore) else {
      if !openCore.starts(with: text) { part = .answer }
      return openCore.starts(with: text) ? .answer : nil
    }
    let rest = opener.drop(while: \.isSpace).dropFirst(openCore.count)
    let behind = text.dropFirst(openCore.count)
    part = .opening(rest: rest.starts(with: behind) ? rest.dropFirst(behind.count) : [])
    thinkingStart = bytes.count - behind.count
    return .template
  }

  private mutating func think(from before: Int) -> Segment {
    let start = max(thinkingStart ?? 0, before - closeCore.count + 1)
    guard !closeCore.isEmpty, let hit = bytes.firstIndex(of: closeCore, from: start) else {
      thinkingTokens += 1
      return .thinking
    }
    let answerStart = hit + closeCore.count
    part = bytes[answerStart...].allSatisfy(\.isSpace) ? .closing : .answer
    return .template
  }

  private mutating func lookForStop(from before: Int) {
    guard stopStart == nil else { return }
    stopStart = stops.compactMap { bytes.firstIndex(of: $0, from: max(0, before - $0.count + 1)) }
      .min()
  }

  /// The text up to the stop text, and its parts, read as a whole like any other answer.
  var texts: (text: String, thinking: String?, answer: String) {
    let whole = String(decoding: bytes[..<(stopStart ?? bytes.count)], as: UTF8.self)
    guard mayThink else { return (whole, nil, whole) }
    let reading = markers.read(whole, isOpened: wasOpened)
    return (whole, reading.thinking, reading.answer ?? "")
  }
}

extension UInt8 {
  fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}

extension [UInt8] {
  /// Where a text begins, at `start` or behind.
  fileprivate func firstIndex(of text: [UInt8], from start: Int) -> Int? {
    guard count >= text.count, start <= count - text.count else { return nil }
    return (start...(count - text.count)).first { self[$0...].starts(with: text) }
  }
}
