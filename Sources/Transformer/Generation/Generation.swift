import Prompts

/// One continuation of one prompt.
public struct Generation: Sendable, Equatable {
  /// The prompt's place in the batch.
  public let prompt: Int
  /// Which of the prompt's samples this is, from 0.
  public let sample: Int
  /// The prompt and what was generated behind it, each token with its segment.
  ///
  /// Every generated token is here, also one that ends the text and those that hold a stop text. A
  /// token's segment was decided when it was written: thinking is followed by template from the token
  /// that completes the closing marker up to the white space behind it, and then by the answer.
  public let sequence: TokenSequence
  /// What the generated tokens say, without a token that ends the text and up to the stop text; nil
  /// where the model has no tokenizer.
  public let text: String?
  /// The part of `text` between the thinking markers; nil when the model did not think.
  public let thinking: String?
  /// The part of `text` behind the thinking; all of it when the model did not think.
  public let answer: String?
  /// Whether an end token, a stop text or the limit of tokens ended it.
  public let finish: FinishReason
  /// Places in `sequence` of the tokens that the thinking budget forced in; empty when the model closed its
  /// thinking by itself.
  public let forced: Range<Int>
  /// What was read at prompt and generated tokens, as one run over the whole sequence reads it.
  public let capture: SequenceCapture
  /// What each intervention did in this sequence.
  public let effects: [GenerationEffect]

  /// The generated tokens.
  public var tokens: ArraySlice<Int32> { sequence.tokens.suffix(sequence.generated) }
  /// The segments of the generated tokens.
  public var segments: ArraySlice<Segment> { sequence.segments.suffix(sequence.generated) }
}

/// All continuations of a batch, by prompt and then by sample, and one effect per intervention.
public struct GenerationRun: Sendable {
  /// By prompt and then by sample.
  public let generations: [Generation]
  /// In the order of the plan's interventions, summed over all sequences.
  public let effects: [GenerationEffect]
}
