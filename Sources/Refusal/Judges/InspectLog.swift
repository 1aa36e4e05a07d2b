import Foundation
import Prompts

/// Answers and verdicts in the JSON log, version 2, of the UK AI Security Institute's Inspect, which opens
/// in its viewer.
///
/// Each judge is a scorer; a success is C, none is I, and an invalid verdict N.
public struct InspectLog: Sendable, Encodable {
  struct Message: Encodable {
    var role: String
    var content: String
  }
  struct Score: Encodable {
    var value: String
    var answer: String
    var explanation: String
  }
  struct Choice: Encodable {
    var message: Message
    var stopReason = "stop"
  }
  struct Output: Encodable {
    var model: String
    var choices: [Choice]
  }
  struct Sample: Encodable {
    var id: String
    var epoch: Int
    var input: String
    var target = ""
    var messages: [Message]
    var output: Output
    var scores: [String: Score]
    var metadata: [String: String]
  }
  struct Dataset: Encodable {
    var name: String
    var samples: Int
    var sampleIds: [String]
  }
  struct Evaluation: Encodable {
    var task = "bathyscope-judge"
    var taskVersion = 0
    var created: String
    var model: String
    var dataset: Dataset
    var config: [String: String] = [:]
  }
  struct Metric: Encodable {
    var name: String
    var value: Double
  }
  struct ScoreSummary: Encodable {
    var name: String
    var scorer: String
    var metrics: [String: Metric]
    var metadata: [String: String]
  }
  struct Results: Encodable {
    var totalSamples: Int
    var completedSamples: Int
    var scores: [ScoreSummary]
  }

  let version = 2
  let status = "success"
  let eval: Evaluation
  let results: Results
  let samples: [Sample]

  /// - Parameters:
  ///   - answers: in the order of the result's rows.
  ///   - created: when, as ISO 8601 has it.
  public init(_ result: JudgeResult, _ answers: [Answer], model: String, created: String) {
    let judges = result.judges
    samples = zip(answers, result.rows).map { answer, row in
      let scores = zip(judges, row.verdicts).map { card, verdict in
        let value = verdict.success.map { $0 ? "C" : "I" } ?? "N"
        return (
          card.name,
          Score(
            value: value, answer: verdict.outcome.rawValue,
            explanation: "\(card.success): \(verdict.reason)")
        )
      }
      let message = Message(role: "assistant", content: answer.text)
      return Sample(
        id: answer.id, epoch: answer.sample + 1, input: answer.request ?? "",
        messages: [Message(role: "user", content: answer.request ?? ""), message],
        output: Output(model: model, choices: [Choice(message: message)]),
        scores: Dictionary(scores, uniquingKeysWith: { first, _ in first }),
        metadata: ["group": answer.group])
    }
    eval = Evaluation(
      created: created, model: model,
      dataset: Dataset(
        name: result.provenance["answers"] ?? "answers", samples: answers.count,
        sampleIds: answers.map(\.id)))
    results = Results(
      totalSamples: answers.count, completedSamples: answers.count { $0.absence == nil },
      scores: zip(judges, result.rates).map { card, rate in
        var metrics: [String: Metric] = [:]
        if let success = rate.success {
          for (name, value) in [
            ("success", success.estimate), ("low", success.low), ("high", success.high),
          ] { metrics[name] = Metric(name: name, value: value) }
        }
        return ScoreSummary(
          name: card.name, scorer: card.name, metrics: metrics,
          metadata: [
            "success": card.success, "n": "\(rate.asked)", "answered": "\(rate.answers)",
            "invalid": "\(rate.invalid)",
            "sha256": card.sha256,
          ])
      })
  }
}
