import Prompts

extension Model {
  /// Tells thinking, markers and answer of generated tokens apart from all of the text.
  ///
  /// A generation's segments were decided token by token, which is what an intervention saw; what reads a
  /// finished answer may know better. See `ThinkingMarkers.segments(of:written:)`.
  package func readSegments(of sequence: inout TokenSequence) throws {
    let encoder = try encoder
    let ends = try endTokens.get()
    let start = sequence.tokens.count - sequence.generated
    var written = sequence.segments[start...]
    var tokens = sequence.tokens[start...]
    // The token that ends an answer is the template's, whatever it says.
    while written.last == .template, let last = tokens.last, ends.contains(last) {
      (tokens, written) = (tokens.dropLast(), written.dropLast())
    }
    let segments = encoder.markers.segments(
      of: tokens.map { Array(encoder.tokenizer.bytes(of: $0)) }, written: Array(written))
    sequence.segments.replaceSubrange(tokens.indices, with: segments)
  }
}
