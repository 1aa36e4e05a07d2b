import Bathyscope

/// All that decides the scores of a trace, besides the model and the transcripts.
struct TraceSettings: Encodable {
  /// SHA-256 of what is run, as tokens.
  var promptTokensSHA256: String
  var probe: String
  var probeSHA256: String
  var hooks: [HookPoint]
  var rule: PlateauRule
  var label: String?
  var group: String?
  var keepsDuplicates: Bool
}

/// What a row of a trace is of, by the transcript's place among all.
enum TracePlace: Hashable, Codable {
  case whole(transcript: Int)
  /// With a share of its thinking.
  case cut(transcript: Int, share: Double)
}

/// A finished row of a trace.
enum TraceRow: Codable {
  case trace(TokenTrace)
  /// The final score.
  case final(Double)

  /// Whether it can be what its place says.
  /// - Parameter ids: of all transcripts, in their order.
  func fits(_ place: TracePlace, ids: [String]) -> Bool {
    switch (place, self) {
    case (.whole(let transcript), .trace(let trace)):
      ids.indices.contains(transcript) && trace.id == ids[transcript]
    case (.cut(let transcript, _), .final): ids.indices.contains(transcript)
    default: false
    }
  }
}

extension RunJournal<TracePlace, TraceRow> {
  func trace(_ transcript: Int) throws -> TokenTrace? {
    guard case .trace(let trace) = try row(.whole(transcript: transcript)) else { return nil }
    return trace
  }

  func final(_ transcript: Int, of share: Double) throws -> Double? {
    guard case .final(let score) = try row(.cut(transcript: transcript, share: share)) else {
      return nil
    }
    return score
  }
}
