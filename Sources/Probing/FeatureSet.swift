import Files
import Prompts
import Tensors
import Transformer

/// What is known about one sequence whose activations are probed.
public struct Example: Sendable, Equatable, Codable {
  /// Of the sequence, such as the prompt's id.
  public var id: String
  /// What the probe shall tell: true is the class that scores high.
  public var label: Bool
  /// Examples of one group never stand on both sides of a split: near-duplicates, or the answers to
  /// one behaviour. The example's own id by default.
  public var group: String

  /// A group of its own unless one is given.
  public init(id: String, label: Bool, group: String? = nil) {
    self.id = id
    self.label = label
    self.group = group ?? id
  }
}

/// Activations with labels: what probes are trained and tested on.
///
///     let run = try model.run(batch, capturing: hooks.map { Capture($0, at: .last) })
///     let features = try FeatureSet(run, hooks: hooks, examples: examples)
///
/// From an activation file, whose prompts are the examples in order:
///
///     let features = try FeatureSet(
///       hooks: hooks, matrices: hooks.map { try file.matrix($0) }, examples: examples,
///       rowCounts: file.prompts.map(\.positions.count))
public struct FeatureSet: Sendable {
  /// Where each matrix was read; one probe is trained for each.
  public let hooks: [HookPoint]
  /// One matrix per hook, `[rows, width]`; row i is the same token everywhere.
  public let matrices: [Matrix]
  /// One example per row: an example with several captured tokens stands here several times.
  public let examples: [Example]
  /// Where in its transcript each row's token is; nil where that is not known.
  public let places: [TokenPlace]?

  /// - Parameters:
  ///   - matrices: one per hook, `[rows, width]`, rows in the order of the examples.
  ///   - examples: one per sequence.
  ///   - rowCounts: how many rows each example has; one each by default.
  ///   - places: of each row's token; a trace gives no verdict by a probe of unknown ones.
  /// - Throws: where counts do not fit or a feature is not a finite number.
  public init(
    hooks: [HookPoint], matrices: [Matrix], examples: [Example], rowCounts: [Int]? = nil,
    places: [TokenPlace]? = nil
  ) throws(Problem) {
    let rowCounts = rowCounts ?? Array(repeating: 1, count: examples.count)
    guard rowCounts.count == examples.count, rowCounts.allSatisfy({ $0 >= 0 }) else {
      throw Problem(
        .differentCounts, "features",
        problem: "\(rowCounts.count) row counts for \(examples.count) examples",
        remedy: "give one row count per example")
    }
    guard hooks.count == matrices.count, !hooks.isEmpty, Set(hooks).count == hooks.count else {
      throw Problem(
        .differentCounts, "features",
        problem: "\(matrices.count) matrices for \(hooks.count) hooks",
        remedy: "give one matrix for each of one or more different hooks")
    }
    let rows = zip(examples, rowCounts).flatMap { Array(repeating: $0, count: $1) }
    guard (places?.count ?? rows.count) == rows.count else {
      throw Problem(
        .differentCounts, "features",
        problem: "\(places?.count ?? 0) places of tokens for \(rows.count) rows",
        remedy: "give the place of each row's token, or none")
    }
    for (hook, matrix) in zip(hooks, matrices) {
      guard matrix.rows == rows.count, matrix.columns > 0 else {
        throw Problem(
          .differentCounts, "\(hook)",
          problem: "\(matrix.rows) rows of activations for \(rows.count) rows of labels",
          remedy: "capture the same positions of the same sequences at every hook")
      }
      if let index = matrix.values.firstIndex(where: { !$0.isFinite }) {
        let (row, column) = index.quotientAndRemainder(dividingBy: matrix.columns)
        throw Problem(
          .notFinite, "\(hook)", place: "row \(row) (\(rows[row].id)), column \(column)",
          problem: "\(matrix.values[index]) is not a finite number",
          remedy: "capture again; half precision overflows in some models")
      }
    }
    self.hooks = hooks
    self.matrices = matrices
    self.examples = rows
    self.places = places
  }

  /// The captured rows of a run, whose sequences are the examples in order.
  /// - Parameter batch: what was run, from which the places of the rows' tokens are known.
  public init(
    _ run: Run, of batch: Batch? = nil, hooks: [HookPoint], examples: [Example]
  ) throws(Problem) {
    guard run.sequences.count == examples.count, let first = hooks.first else {
      throw Problem(
        .differentCounts, "features",
        problem: "\(run.sequences.count) sequences for \(examples.count) examples",
        remedy: "give one example per sequence of the run and at least one hook")
    }
    var matrices: [Matrix] = []
    for hook in hooks {
      guard let matrix = run[hook] else {
        throw Problem(
          .notCaptured, "\(hook)", problem: "was not captured as rows of one width",
          remedy: "capture it, or leave it out")
      }
      matrices.append(matrix)
    }
    let places = batch.map { batch in
      run.sequences.flatMap { capture -> [TokenPlace] in
        guard batch.sequences.indices.contains(capture.sequence) else { return [] }
        let places = batch.sequences[capture.sequence].places
        return (capture.positions[first] ?? []).compactMap {
          places.indices.contains($0) ? places[$0] : nil
        }
      }
    }
    try self.init(
      hooks: hooks, matrices: matrices, examples: examples,
      rowCounts: run.sequences.map { $0.values[first]?.rows ?? 0 }, places: places)
  }

  /// The rows of several sets with the same hooks, one below the other.
  ///
  /// Examples of one name in two sets stay two examples, and of one group.
  public init(joining sets: [FeatureSet]) throws(Problem) {
    guard let first = sets.first,
      sets.allSatisfy({
        $0.hooks == first.hooks && $0.matrices.map(\.columns) == first.matrices.map(\.columns)
      })
    else {
      throw Problem(
        .differentHooks, "features",
        problem: "sets with different hooks or widths cannot be joined",
        remedy: "capture the same hooks of one model")
    }
    guard sets.count > 1 else {
      self = first
      return
    }
    let examples = sets.enumerated().flatMap { number, set in
      set.examples.map { Example(id: "\(number + 1)/\($0.id)", label: $0.label, group: $0.group) }
    }
    let places = sets.compactMap(\.places)
    try self.init(
      hooks: first.hooks,
      matrices: first.hooks.indices.map { hook in
        Matrix.concatenating(sets.map { $0.matrices[hook] })
      }, examples: examples, places: places.count == sets.count ? places.flatMap(\.self) : nil)
  }

  /// Rows of every matrix: all captured tokens of all examples.
  public var rowCount: Int { examples.count }
  var labels: [Bool] { examples.map(\.label) }
  var groups: [String] { examples.map(\.group) }
}
