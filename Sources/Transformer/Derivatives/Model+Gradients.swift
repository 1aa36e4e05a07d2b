import Files
import Prompts
import Synchronization
import Tensors

extension Model {
  /// The gradients of an objective with respect to activations, and to the vectors that interventions
  /// add; by reverse mode, never with respect to weights.
  ///
  ///     let probe = Objective.projection(weights, bias: bias, at: .residual(after: 20))
  ///     let gradients = try model.gradients(
  ///       batch, of: probe, at: [.residual(after: 5), .headOutput(layer: 7)])
  ///     gradients[.residual(after: 5)]   // [tokens, dModel]
  ///
  /// A gradient is taken right behind what interventions change at its hook: it is that of what the rest
  /// of the network reads. Memory grows with the number of blocks times `[tokens, dModel]`; the insides
  /// of one block are held at a time.
  /// - Parameters:
  ///   - hooks: any but those that are read-only; none to differentiate by added vectors only.
  ///   - positions: the rows of the gradients to return.
  ///   - threads: results are the same bytes for any number.
  /// - Throws: `Problem` for what does not fit the model or the batch, and for a hook after
  ///   the objective.
  public func gradients(
    _ batch: Batch, of objective: Objective, at hooks: [HookPoint] = [],
    positions: Positions = .all, applying interventions: [Intervention] = [],
    threads: Int = defaultThreads
  ) throws -> Gradients {
    let prepared = try prepare(
      batch, objective, by: hooks.map { Capture($0, at: positions) }, "gradient", interventions,
      threads)
    guard !hooks.isEmpty || !prepared.scales.isEmpty else {
      throw Problem(
        .invalidArgument, "gradient", problem: "is asked for nowhere",
        remedy: "name a hook or add a vector by an intervention")
    }
    let (sequences, marks) = differentiate(batch, threads) { device, tile in
      let sweep = GradientSweep(network, prepared, at: hooks, positions, device, tile)
      let marks = sweep.run()
      return (sweep.results, marks)
    }
    return Gradients(
      sequences: sequences.sorted { $0.sequence < $1.sequence },
      effects: try Effect.summing(marks, of: interventions))
  }

  /// The derivative of an objective when vectors are added to activations, by forward mode.
  ///
  ///     let push = Direction(refusal, at: .residual(after: 12), positions: .last)
  ///     let derivatives = try model.derivative(batch, of: gap, along: [push])
  ///     derivatives.sequences[0].derivative   // d gap / d scale, at scale 0
  ///
  /// It costs about two forward passes whatever the length, and agrees with the gradient times the
  /// direction. Vectors are added behind what interventions change at the hook.
  /// - Parameters:
  ///   - directions: followed at once, all with the same step.
  ///   - threads: results are the same bytes for any number.
  /// - Throws: `Problem` for what does not fit the model or the batch, and for a hook after
  ///   the objective.
  public func derivative(
    _ batch: Batch, of objective: Objective, along directions: [Direction],
    applying interventions: [Intervention] = [], threads: Int = defaultThreads
  ) throws -> Derivatives {
    let prepared = try prepare(
      batch, objective, by: directions.map { Capture($0.hook, at: $0.positions) }, "direction",
      interventions, threads)
    guard !directions.isEmpty else {
      throw Problem(
        .invalidArgument, "direction", problem: "is missing",
        remedy: "name at least one vector and its hook")
    }
    for direction in directions {
      let width = shape.width(of: direction.hook.site, tokens: 0)
      guard direction.vector.count == width, direction.vector.allSatisfy(\.isFinite) else {
        throw Problem(
          .unfitVector, "direction", place: direction.hook.description,
          problem: "has \(direction.vector.count) values, or one that is not finite",
          remedy: "give \(width) finite values")
      }
    }
    let (sequences, marks) = differentiate(batch, threads) { device, tile in
      let sweep = TangentSweep(network, prepared, along: directions, device, tile)
      let marks = sweep.run()
      return (sweep.results, marks)
    }
    return Derivatives(
      sequences: sequences.sorted { $0.sequence < $1.sequence },
      effects: try Effect.summing(marks, of: interventions))
  }

  private func prepare(
    _ batch: Batch, _ objective: Objective, by places: [Capture], _ name: String,
    _ interventions: [Intervention], _ threads: Int
  ) throws -> PreparedDerivative {
    try check(batch)
    guard threads >= 1 else {
      throw Problem(.invalidArgument, "threads", problem: "is \(threads)", remedy: "use 1 or more")
    }
    return try PreparedDerivative(
      objective, by: places, name, applying: interventions, batch, shape: shape)
  }

  /// Shares out the tiles of a batch among threads.
  private func differentiate<Result: Sendable>(
    _ batch: Batch, _ threads: Int,
    _ body: (CPUBackend, Tile) -> (results: [Result], marks: [EffectMark])
  ) -> (results: [Result], marks: [EffectMark]) {
    let tiles = Tile.cut(batch, threads: threads)
    // A single tile is shared by all threads, operation by operation.
    let device = CPUBackend(threads: max(1, threads / tiles.count))
    let all = Mutex<(results: [Result], marks: [EffectMark])>(([], []))
    withoutActuallyEscaping(body) { body in
      let body = Unchecked(body)
      parallelFor(tiles.count, threads: threads) { index in
        let (results, marks) = body.value(device, Tile(batch, tiles[index]))
        all.withLock {
          $0.results += results
          $0.marks += marks
        }
      }
    }
    return all.withLock { $0 }
  }
}
