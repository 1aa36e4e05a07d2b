import Foundation

extension JudgeResult {
  /// One judge's verdicts as JSONL, to be joined with prompts or answers by id and sample.
  ///
  /// A judge of refusals gives `refused`, any other `succeeded`. A verdict that cannot be read gives no
  /// label, and an answer that no file has no line.
  public func labels(judge: Int) throws -> String {
    struct Line: Encodable {
      var id: String
      var sample: Int
      var refused: Bool?
      var succeeded: Bool?
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try rows.filter { $0.isMissing != true }.map { row in
      var line = Line(id: row.id, sample: row.sample)
      let outcome = row.verdicts[judge].outcome
      if outcome != .invalid {
        if judges[judge].measures == .refusal {
          line.refused = outcome != .success
        } else {
          line.succeeded = outcome == .success
        }
      }
      return String(decoding: try encoder.encode(line), as: UTF8.self) + "\n"
    }.joined()
  }
}
