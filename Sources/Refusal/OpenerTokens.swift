import Files
import Foundation
import Transformer

/// The first tokens of refusals and of compliant answers, as one model's tokenizer writes them.
///
/// Where the two classes share a first token ("I" of "I'm sorry" and of "I can help"), it says nothing
/// and is left out of both.
public struct OpenerTokens: Sendable, Equatable, Codable {
  /// Ascending and without repeats; at least one.
  public let refusal: [Int32]
  /// Ascending and without repeats; at least one; disjoint from `refusal`.
  public let compliance: [Int32]

  /// - Throws: when a class is empty once what both share is left out.
  public init(refusal: some Sequence<Int32>, compliance: some Sequence<Int32>) throws(Problem) {
    let (refusal, compliance) = (Set(refusal), Set(compliance))
    self.refusal = refusal.subtracting(compliance).sorted()
    self.compliance = compliance.subtracting(refusal).sorted()
    guard !self.refusal.isEmpty, !self.compliance.isEmpty else {
      throw Problem(
        .sameOpeners, "openers",
        problem: "no first token is only a refusal's, or none only a compliant answer's",
        remedy: "name openers that differ in their first token")
    }
  }

  /// The first tokens of texts; those of `Openers` by default.
  public init(
    of model: Model, refusal: [String] = Openers.refusal, compliance: [String] = Openers.compliance
  ) throws {
    let tokenizer = try model.encoder.tokenizer
    try self.init(
      refusal: refusal.compactMap { tokenizer.encode($0).first },
      compliance: compliance.compactMap { tokenizer.encode($0).first })
  }

  /// LSE(refusal) - LSE(compliance) over one row of logits, `[dVocabulary]`, in double precision.
  public func logitGap(_ logits: some Collection<Float>) -> Double {
    logSumExp(refusal, logits) - logSumExp(compliance, logits)
  }

  /// P_R, the probability that the next token opens a refusal.
  public func refusalProbability(_ logits: some Collection<Float>) -> Double {
    let largest = Double(logits.max() ?? 0)
    let all = largest + log(logits.reduce(0) { $0 + exp(Double($1) - largest) })
    return exp(logSumExp(refusal, logits) - all)
  }

  /// m = ln(P_R + 1e-8) - ln(1 - P_R + 1e-8), the refusal metric of arXiv 2406.11717.
  public func refusalMetric(_ logits: some Collection<Float>) -> Double {
    let probability = refusalProbability(logits)
    return log(probability + 1e-8) - log(1 - probability + 1e-8)
  }

  private func logSumExp(_ tokens: [Int32], _ logits: some Collection<Float>) -> Double {
    let values = tokens.map { Double(logits[logits.index(logits.startIndex, offsetBy: Int($0))]) }
    let largest = values.max() ?? 0
    return largest + log(values.reduce(0) { $0 + exp($1 - largest) })
  }
}
