import Jinja

/// What a reasoning model writes before and after its thinking.
///
/// The tokens of `close` are where the refusal cliff lives, so they count as template and not as
/// thinking.
public struct ThinkingMarkers: Codable, Equatable, Sendable {
  /// With the white space that follows it, for example `<think>\n`.
  public var open: String
  /// With the white space around it, for example `\n</think>\n\n`.
  public var close: String

  /// - Parameter open: with its white space, as the model writes it; so is `close`.
  public init(open: String, close: String) {
    self.open = open
    self.close = close
  }

  /// The markers of DeepSeek-R1, which most reasoning models share.
  public static let deepSeek = ThinkingMarkers(open: "<think>\n", close: "\n</think>\n\n")

  /// The markers of the family whose opening marker stands in a chat template's source; those of
  /// DeepSeek-R1 when none does.
  public init(guessedFrom source: String) {
    let family = ThinkingFamily.known.first { family in
      let open = family.markers.open
      let core = open.split(separator: "<|message|>").first.map(String.init) ?? open
      return family.marksTemplates && source.contains(core.trimmingWhitespace)
    }
    self = source.contains("<think>") ? .deepSeek : family?.markers ?? .deepSeek
  }

  static let thought = JinjaText.Origin(.thinking)
  static let answer = JinjaText.Origin(.answer)

  package var openCore: String { open.trimmingWhitespace }
  package var closeCore: String { close.trimmingWhitespace }

  func append(_ thinking: String, to text: inout JinjaText) {
    text.append(open.utf8, origin: .template)
    text.append(thinking.utf8, origin: Self.thought)
    text.append(close.utf8, origin: .template)
  }

  /// The segments of tokens that a model wrote, read as a whole.
  ///
  /// While a model writes, the first tokens of a marker cannot be told from thinking or answer. Behind the
  /// last one they can, and are template, as in a transcript that a template has written.
  /// - Parameters:
  ///   - pieces: the bytes of each token; those of a token without any do not count.
  ///   - written: what each token was taken for while it was written, which stays without a closing marker.
  package func segments(of pieces: [[UInt8]], written: [Segment]) -> [Segment] {
    let bytes = pieces.flatMap(\.self)
    // A token may end within a character; what counts is where the markers stand.
    let text =
      String(validating: bytes, as: UTF8.self)
      ?? String(decoding: bytes.map { $0 < 0x80 ? $0 : 0x3F }, as: UTF8.self)
    let reading = read(text)
    guard reading.thinking?.isEmpty == false, reading.answer != nil else { return written }
    let segments = reading.text.spans.flatMap { span in span.bytes.map { _ in span.segment } }
    var end = 0
    return zip(pieces, written).map { piece, written in
      end += piece.count
      return piece.isEmpty ? written : segments[end - 1]
    }
  }

  /// What is missing of the opening marker behind a text: nothing when the text ends with it.
  package func missingOpener(behind text: [UInt8]) -> [UInt8] {
    let opener = Array(open.utf8)
    let core = Array(openCore.utf8)
    guard !core.isEmpty else { return opener }
    let tail = JinjaText(text.suffix(opener.count + 16))
    let trimmed = tail.trimmed(.right)
    guard trimmed.bytes.suffix(core.count).elementsEqual(core) else { return opener }
    guard trimmed.count == tail.count else { return [] }
    return JinjaText(open).trimmed(.left).bytes.dropFirst(core.count).map { $0 }
  }

  /// A text without the opening marker at its very beginning.
  func withoutOpener(_ text: String) -> String {
    let trimmed = JinjaText(text).trimmed(.left)
    guard trimmed.bytes.starts(with: openCore.utf8) else { return text }
    let isWhole = trimmed.bytes.starts(with: open.utf8)
    return String(
      decoding: trimmed.bytes.dropFirst((isWhole ? open : openCore).utf8.count), as: UTF8.self)
  }

  /// Whether a text ends inside of thinking that has just begun.
  package func isOpened(by text: [UInt8]) -> Bool {
    missingOpener(behind: text).count < open.utf8.count
  }
}

extension String {
  var trimmingWhitespace: String { JinjaText(self).trimmed(.both).string }
}
