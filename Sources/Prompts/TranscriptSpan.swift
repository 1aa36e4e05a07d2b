import Jinja
import Tokenization

/// A stretch of rendered text with its segment, before it is cut into tokens.
package struct TranscriptSpan: Equatable, Sendable {
  /// UTF-8 bytes; not `String`, whose equality would merge canonical equivalents.
  package var bytes: [UInt8]
  package var segment: Segment
  /// Whether a special token's text, such as `<|im_end|>`, becomes that token: in what a template wrote, and
  /// never in what a person wrote.
  package var parsesSpecials: Bool

  package init(bytes: [UInt8], segment: Segment, parsesSpecials: Bool) {
    self.bytes = bytes
    self.segment = segment
    self.parsesSpecials = parsesSpecials
  }

  /// What a tokenizer needs of it.
  package var text: TextSpan { TextSpan(bytes: bytes, parsesSpecials: parsesSpecials) }
}

extension JinjaText.Origin {
  /// Who writes a segment; text of the template that parses specials is what the template wrote itself.
  init(_ segment: Segment, parsesSpecials: Bool = false) {
    self.init(rawValue: segment.rawValue << 1 | (parsesSpecials ? 0 : 1))
  }

  fileprivate var segment: Segment { Segment(rawValue: rawValue >> 1) ?? .template }
  fileprivate var parsesSpecials: Bool { rawValue & 1 == 0 }
}

extension JinjaText {
  /// The text cut where its segment changes, or what may be a special token in it.
  var spans: [TranscriptSpan] {
    stretches.map { bytes, origin in
      TranscriptSpan(bytes: bytes, segment: origin.segment, parsesSpecials: origin.parsesSpecials)
    }
  }
}

extension Encoding {
  /// The segment of each token; a BOS or an EOS that was put in is template.
  package func segments(of spans: [TranscriptSpan]) -> [Segment] {
    self.spans.map { $0.map { spans[$0].segment } ?? .template }
  }
}
