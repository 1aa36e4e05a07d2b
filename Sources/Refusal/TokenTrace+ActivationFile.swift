import ActivationStore
import Files
import Probing
import Tensors

extension TokenTrace {
  /// Scores a prompt of an activation file, captured with positions `all`.
  ///
  ///     let file = try ActivationFile("acts.h5")
  ///     let traces = try file.prompts.indices.map {
  ///       try TokenTrace(file, prompt: $0, texts: texts[$0], probes: set.probes)
  ///     }
  ///
  /// - Throws: when a hook was not captured, not at every token, or the file is damaged.
  public init(
    _ file: ActivationFile, prompt: Int, texts: [String], probes: [Probe], chosen: Int = 0,
    group: String? = nil, label: String? = nil
  ) throws(Problem) {
    guard file.prompts.indices.contains(prompt) else {
      throw Problem(
        .outOfRange, file.path, problem: "has no prompt \(prompt), only \(file.prompts.count)",
        remedy: "name one of its prompts, counted from 0")
    }
    let sequence = file.prompts[prompt].sequence
    if let probe = probes.first,
      file.prompts[prompt].positions != Array(sequence.tokens.indices)
    {
      throw .notAtEveryToken(sequence, probe)
    }
    let rows = file.rows(of: prompt)
    try self.init(
      of: sequence, texts: texts, probes: probes, chosen: chosen, group: group, label: label
    ) { hook throws(Problem) in try file.matrix(hook, rows: rows) }
  }
}
