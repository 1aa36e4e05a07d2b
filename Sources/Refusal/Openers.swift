import Probing
import Transformer

/// The first words of refusals and of compliant answers.
///
/// A probe near the last layer may be no more than the difference between the two in the
/// unembedding, so every probe's cosine with it is reported.
public enum Openers {
  /// What refusals begin with.
  public static let refusal = ["I'm sorry", "Sorry", "I cannot", "Unfortunately", "As an AI"]
  /// What compliant answers begin with.
  public static let compliance = ["Sure", "Here", "Of course", "Certainly", "Yes"]

  /// The cosine of each probe with refusal minus compliance openers, as first tokens of an answer;
  /// nil for a probe that does not read the residual stream or something that is added to it.
  public static func cosines(
    of probes: [Probe], in model: Model
  ) throws -> [Double?] {
    let tokenizer = try model.encoder.tokenizer
    func rows(_ texts: [String]) -> [Int32] {
      Set(texts.compactMap { tokenizer.encode($0).first }).sorted()
    }
    let refusal = model.unembedding(of: rows(refusal))
    let compliance = model.unembedding(of: rows(compliance))
    return try probes.map { probe in
      switch probe.hook.site {
      case .embedding, .positionEmbedding, .residualBefore, .attentionOutput, .residualMid,
        .mlpOutput, .residualAfter, .finalNorm:
        try probe.openerCosine(refusal: refusal, compliance: compliance)
      default: nil
      }
    }
  }
}
