/// How a text is cut into the pieces within which tokens merge.
///
/// Hand-written scanners: a regular expression engine is slower, may take exponential time on a
/// pattern from a hostile file, and disagrees with the reference about `\r\n` and combining marks.
struct PreTokenizer: Sendable, Equatable {
  /// One cut; each piece is cut again by the next step, which sees the piece as if it were the text.
  enum Step: String, Sendable {
    /// Every numeric character stands alone.
    case digits
    /// The pattern of GPT-2.
    case gpt2
    /// The pattern of Llama 3: newlines and runs of three digits stand apart, contractions in any case.
    case llama3
    /// The pattern of Qwen 2: the same with single digits.
    case qwen2

    /// The step that a published pattern stands for.
    init?(pattern: String) {
      switch pattern {
      case Self.gpt2Pattern: self = .gpt2
      case Self.llamaPattern(digits: #"\p{N}{1,3}"#): self = .llama3
      case Self.llamaPattern(digits: #"\p{N}"#): self = .qwen2
      default: return nil
      }
    }

    private static let gpt2Pattern =
      #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private static func llamaPattern(digits: String) -> String {
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
        + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }
  }

  var steps: [Step]

  /// Calls `body` with every piece of the range, in order.
  func forEachPiece(
    of range: Range<Int>, in bytes: UnsafeBufferPointer<UInt8>, body: (Range<Int>) -> Void
  ) {
    cut(range, in: bytes, steps[...], body: body)
  }

  private func cut(
    _ range: Range<Int>, in bytes: UnsafeBufferPointer<UInt8>, _ steps: ArraySlice<Step>,
    body: (Range<Int>) -> Void
  ) {
    guard let step = steps.first else {
      if !range.isEmpty { body(range) }
      return
    }
    let text = ScalarReader(bytes: bytes, end: range.upperBound)
    var position = range.lowerBound
    while position < range.upperBound {
      let end =
        switch step {
        case .digits: text.endOfDigitPiece(from: position)
        case .gpt2: text.endOfGPT2Piece(from: position)
        case .llama3: text.endOfLlamaPiece(from: position, mostDigits: 3)
        case .qwen2: text.endOfLlamaPiece(from: position, mostDigits: 1)
        }
      cut(position..<end, in: bytes, steps.dropFirst(), body: body)
      position = end
    }
  }
}
