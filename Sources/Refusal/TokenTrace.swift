import Files
import Probing
import Prompts
import Tensors
import Transformer

/// The refusal score of every token of one transcript, at one or more hooks.
///
///     let trace = try TokenTrace(
///       capture, of: sequence, texts: texts, probes: set.probes, chosen: set.card.report.chosen)
///     trace.probabilities()[7]        // s of token 7 at the chosen hook
public struct TokenTrace: Sendable, Equatable, Codable {
  /// The version of the format of a line of `traces.jsonl`.
  public var schema = "bathyscope-trace-1"
  /// The transcript's id, as its file has it.
  public var id: String
  /// The prompt or behaviour that several transcripts may answer; they are resampled together.
  public var group: String
  /// What kind of prompt it is, such as `harmful`; nil when unknown.
  public var label: String?
  /// SHA-256 of the thinking's text, which tells transcripts of one id apart; nil when unknown.
  public var thinkingDigest: String?
  /// The text of each token.
  public var tokens: [String]
  /// The part of the transcript that each token belongs to.
  public var segments: [Segment]
  /// Where the probes read, one for each row of `logits`.
  public var hooks: [HookPoint]
  /// Raw z in logits, `[hooks][tokens]`: the layer x position matrix.
  public var logits: [[Float]]
  /// The place in `hooks` of the hook that figures and verdicts are about.
  public var chosen: Int
  /// What random directions say at the chosen hook, where it was computed.
  public var control: TraceControl?

  /// A trace from scores that are already there.
  /// - Throws: when counts do not fit or a score is not finite.
  public init(
    id: String, group: String? = nil, label: String? = nil, tokens: [String],
    segments: [Segment], hooks: [HookPoint], logits: [[Float]], chosen: Int = 0
  ) throws(Problem) {
    self.id = id
    self.group = group ?? id
    self.label = label
    self.tokens = tokens
    self.segments = segments
    self.hooks = hooks
    self.logits = logits
    self.chosen = chosen
    try check()
  }

  /// - Throws: when counts do not fit or a score is not finite: what was decoded has not been checked yet.
  func check() throws(Problem) {
    guard segments.count == tokens.count, logits.count == hooks.count,
      logits.allSatisfy({ $0.count == tokens.count }), hooks.indices.contains(chosen)
    else {
      throw Problem(
        .differentCounts, "transcript \(id)",
        problem: "\(tokens.count) tokens, \(segments.count) segments and "
          + "\(logits.map(\.count)) scores at \(hooks.count) hooks do not fit",
        remedy: "give one segment and one score per hook for each token")
    }
    guard logits.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw Problem(
        .notFinite, "transcript \(id)", problem: "a score is not a finite number",
        remedy: "capture again; half precision overflows in some models")
    }
    guard
      control.map({ $0.low.count == tokens.count && $0.high.count == tokens.count }) ?? true
    else {
      throw Problem(
        .differentCounts, "transcript \(id)", place: "control",
        problem: "has not one value for each token",
        remedy: "write it again with 'bathyscope trace'")
    }
  }

  /// Scores a sequence whose activations were captured at every token.
  ///
  /// - Parameters:
  ///   - texts: the text of each token.
  ///   - probes: one or more.
  ///   - chosen: the place of the probe that verdicts are about.
  ///   - activations: all rows of the sequence at a hook, `[tokens, width]`.
  /// - Throws: when a hook has not one row per token or another width, or what `activations` throws.
  public init(
    of sequence: TokenSequence, texts: [String], probes: [Probe], chosen: Int = 0,
    group: String? = nil, label: String? = nil,
    activations: (HookPoint) throws(Problem) -> Matrix
  ) throws(Problem) {
    var logits: [[Float]] = []
    for probe in probes {
      let values = try activations(probe.hook)
      guard values.rows == sequence.tokens.count else { throw .notAtEveryToken(sequence, probe) }
      do throws(Problem) {
        logits.append(try probe.score(values))
      } catch {
        throw Problem(
          error.code, "transcript \(sequence.id)", place: "\(probe.hook)", problem: error.problem,
          remedy: error.remedy)
      }
    }
    try self.init(
      id: sequence.id, group: group, label: label, tokens: texts, segments: sequence.segments,
      hooks: probes.map(\.hook), logits: logits, chosen: chosen)
  }

  /// Scores what a run captured of a sequence, with positions `all`.
  public init(
    _ capture: SequenceCapture, of sequence: TokenSequence, texts: [String], probes: [Probe],
    chosen: Int = 0, group: String? = nil, label: String? = nil
  ) throws(Problem) {
    for probe in probes
    where capture.positions[probe.hook] != Array(sequence.tokens.indices) {
      throw .notAtEveryToken(sequence, probe)
    }
    try self.init(
      of: sequence, texts: texts, probes: probes, chosen: chosen, group: group, label: label
    ) { hook in capture.values[hook] ?? Matrix(rows: 0, columns: 0) }
  }

  /// s = sigmoid(z) of every token at a hook, the chosen one by default.
  public func probabilities(at hook: Int? = nil) -> [Double] {
    logits[hook ?? chosen].map { Probe.probability($0) }
  }

  /// Where its thinking ends and its answer begins, by its segments.
  public var landmarks: Landmarks { Landmarks(segments) }
}

extension Problem {
  static func notAtEveryToken(_ sequence: TokenSequence, _ probe: Probe) -> Problem {
    Problem(
      .notCaptured, "transcript \(sequence.id)", place: "\(probe.hook)",
      problem: "was not captured at every token", remedy: "capture it with positions all")
  }
}
