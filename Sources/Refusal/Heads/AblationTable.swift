import Files
import Prompts
import Statistics
import Tensors
import Transformer

/// An ablation made ready for prompts: what every head's output is changed to.
struct AblationTable: Sendable {
  let ablation: HeadAblation
  private let shape: ModelShape
  /// `[layers]` of `[H * dHead]`, for mean ablation.
  private var means: [[Float]] = []
  /// `[prompts][layers]` of `[touched tokens, H * dHead]`, for resampling.
  private var drawn: [[Matrix]] = []

  /// - Parameters:
  ///   - reference: the prompts that means and samples come from.
  ///   - seed: decides which prompt is drawn for which.
  ///   - memoryLimit: how many bytes drawn outputs may take.
  init(
    _ ablation: HeadAblation, _ model: Model, _ prompts: [HeadPrompt], reference: [HeadPrompt],
    seed: UInt64, threads: Int, memoryLimit: Int
  ) throws {
    (self.ablation, shape) = (ablation, model.shape)
    switch ablation.kind {
    case .scale, .uniform: break
    case .mean: means = try Self.means(model, reference, threads)
    case .resample:
      let touched = prompts.reduce(0) { $0 + $1.touched.indices(in: $1.sequence).count }
      let bytes = 4 * touched * shape.layers * shape.heads * shape.dHead
      guard bytes <= memoryLimit else {
        throw Problem(
          .notEnoughMemory, "resampling", place: "memory",
          problem: "needs \(bytes) bytes for all prompts, and \(memoryLimit) are allowed",
          remedy: "allow more, or give fewer prompts")
      }
      try draw(model, prompts, reference, seed, threads)
    }
  }

  /// The intervention that ablates one head in one prompt.
  func intervention(_ head: Head, prompt: Int, at positions: Positions) -> Intervention {
    let (columns, keeping) = (columns(of: head.head), ablation.rescale)
    switch ablation.kind {
    case .scale:
      return .scaleHeads([head], by: ablation.factor, keepingNorm: keeping, at: positions)
    case .mean:
      return .replaceHeads(
        [HeadVector(head, vector: Array(means[head.layer][columns]))], keepingNorm: keeping,
        at: positions)
    case .resample:
      let rows = drawn[prompt][head.layer].columns(columns)
      return .patch(heads: [HeadRows(head, rows: rows)], keepingNorm: keeping, at: positions)
    case .uniform: return .attendUniformly([head], keepingNorm: keeping, at: positions)
    }
  }

  private func columns(of head: Int) -> Range<Int> {
    (head * shape.dHead)..<((head + 1) * shape.dHead)
  }

  /// The interventions that ablate a set of heads in all prompts alike.
  /// - Throws: for an ablation that differs from prompt to prompt.
  func interventions(
    _ heads: [Head], at positions: Positions
  ) throws(Problem) -> [Intervention] {
    guard !heads.isEmpty else { return [] }
    switch (ablation.kind, ablation.rescale) {
    case (.scale, .none): return [.scaleHeads(heads, by: ablation.factor, at: positions)]
    case (.scale, .token):
      return [.scaleHeads(heads, by: ablation.factor, keepingNorm: .token, at: positions)]
    case (.mean, .none):
      let vectors = heads.map { head in
        HeadVector(head, vector: Array(means[head.layer][columns(of: head.head)]))
      }
      return [.replaceHeads(vectors, at: positions)]
    default:
      throw Problem(
        .unsupported, "head sets",
        place: "\(ablation.kind.rawValue), rescale \(ablation.rescale.rawValue)",
        problem: "differs from prompt to prompt, so that no intervention says it for sets of heads",
        remedy: "scale heads, or replace them by their means without a rescale")
    }
  }

  /// Whether sets of heads can be ablated so.
  var takesSets: Bool { (try? interventions([Head(layer: 0, head: 0)], at: .all)) != nil }

  private static func means(
    _ model: Model, _ reference: [HeadPrompt], _ threads: Int
  ) throws -> [[Float]] {
    let layers = 0..<model.shape.layers
    var sums = layers.map { _ in
      [Double](repeating: 0, count: model.shape.heads * model.shape.dHead)
    }
    var count = 0
    try captureHeads(model, reference, threads) { _, matrices in
      count += matrices[0].rows
      for layer in layers {
        for row in 0..<matrices[layer].rows {
          for (column, value) in matrices[layer][row].enumerated() {
            sums[layer][column] += Double(value)
          }
        }
      }
    }
    return sums.map { $0.map { Float($0 / Double(max(count, 1))) } }
  }

  private mutating func draw(
    _ model: Model, _ prompts: [HeadPrompt], _ reference: [HeadPrompt], _ seed: UInt64,
    _ threads: Int
  ) throws {
    let sources = try prompts.map { prompt in
      let others = reference.indices.filter { reference[$0].group != prompt.group }
      guard !others.isEmpty else {
        throw Problem(
          .tooFew, "prompt \(prompt.sequence.id)", problem: "has no other prompt to draw from",
          remedy: "give prompts of at least two groups")
      }
      var generator = SeededGenerator(seed: seed, item: "resample \(prompt.sequence.id)")
      return others[generator.index(below: others.count)]
    }
    drawn = Array(repeating: [], count: prompts.count)
    let whole = try reference.map {
      try HeadPrompt($0.sequence, group: $0.group)
    }
    try Self.captureHeads(model, whole, threads) { index, matrices in
      for (place, prompt) in prompts.enumerated() where sources[place] == index {
        let shift = prompt.sequence.tokens.count - matrices[0].rows
        let rows = prompt.touched.indices(in: prompt.sequence).map { max($0 - shift, 0) }
        drawn[place] = matrices.map { $0.picking(rows) }
      }
    }
  }

  /// Heads' outputs at the touched tokens of each prompt, in every block.
  private static func captureHeads(
    _ model: Model, _ prompts: [HeadPrompt], _ threads: Int,
    receive: (Int, [Matrix]) throws -> Void
  ) throws {
    // Positions may differ from prompt to prompt, and so does the plan.
    for (touched, places) in grouped(prompts) {
      let captures = (0..<model.shape.layers).map {
        Capture(.headOutput(layer: $0), at: touched)
      }
      _ = try model.run(
        Batch(places.map { prompts[$0].sequence }), Plan(capturing: captures), threads: threads
      ) { capture in
        try receive(
          places[capture.sequence],
          captures.map { capture.values[$0.hook] ?? Matrix(rows: 0, columns: 0) })
      }
    }
  }

  /// The places of prompts whose heads are ablated at equally written positions, in order.
  static func grouped(_ prompts: [HeadPrompt]) -> [(touched: Positions, places: [Int])] {
    var groups: [(touched: Positions, places: [Int])] = []
    for (place, prompt) in prompts.enumerated() {
      if let index = groups.firstIndex(where: { $0.touched == prompt.touched }) {
        groups[index].places.append(place)
      } else {
        groups.append((prompt.touched, [place]))
      }
    }
    return groups
  }
}
