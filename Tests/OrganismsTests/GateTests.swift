import Organisms
import Prompts
import Refusal
import Statistics
import Testing
import Transformer

/// The planted gates, by the forward pass alone.
@Suite struct GateTests {
  @Test(arguments: seeds) func gatesFallWithADoseOfEitherSign(seed: UInt64) throws {
    let trial = try Trial(.introspectionGate, seed: seed)
    let clean = try trial.activations([])
    #expect(clean.carriers < 1e-4 && clean.gates > 10, "\(clean)")
    for vector in try [trial.random(1), trial.concept(0)] {
      for sign in [Float(1), -1] {
        let doses = try [Float(0.3), 0.7, 2].map {
          try trial.activations([trial.add(vector, dose: sign * $0)])
        }
        let (carriers, gates) = (doses.map(\.carriers), doses.map(\.gates))
        #expect(zip([0] + carriers, carriers).allSatisfy { $0 < $1 }, "\(carriers)")
        #expect(gates[0] < clean.gates && gates[1] < clean.gates / 2, "\(gates) \(clean.gates)")
        #expect(gates[2] < clean.gates / 5, "\(gates) \(clean.gates)")
      }
    }
  }

  /// Perturbations by concept vectors decide the answer's first token.
  @Test(arguments: seeds) func answersAreAsTheTruthSays(seed: UInt64) throws {
    let trial = try Trial(.introspectionGate, seed: seed)
    let behaviour = trial.planted.truth.behaviour
    func answers(_ interventions: [Intervention], are token: OrganismTruth.Token) throws -> Bool {
      try trial.planted.next(trial.detection, interventions).allSatisfy { $0 == token.id }
    }
    #expect(try answers([], are: behaviour.detection))
    #expect(try answers(trial.removing(.gate), are: behaviour.detectionWithoutGates))
    #expect(try answers(trial.removingNoise(), are: behaviour.detection))
    for (index, dose) in [(0, Float(0.7)), (5, -1)] {
      let dose = trial.add(try trial.concept(index), dose: dose)
      #expect(try answers([dose], are: behaviour.detectionPerturbed))
      #expect(
        try answers([dose] + trial.removing(.carrier), are: behaviour.detectionWithoutCarriers))
      // As many neurons of noise change nothing, and neither does another question.
      #expect(try answers([dose] + trial.removingNoise(), are: behaviour.detectionPerturbed))
      #expect(
        try trial.planted.next(trial.other, [dose]).allSatisfy { $0 == behaviour.detection.id })
    }
    let harmful = try trial.planted.batch(harmful: true)
    #expect(try trial.planted.next(harmful).allSatisfy { $0 == behaviour.harmful.id })
  }

  /// A random vector also moves the alarm and the logits themselves, so that Yes is only compared with
  /// No, and a few of the vectors may go either way.
  @Test func randomPerturbationsAreNoticedThroughTheCarriers() throws {
    var (noticed, unnoticed, trials) = (0, 0, 0)
    for seed in seeds {
      let trial = try Trial(.introspectionGate, seed: seed)
      for vector in 1...2 {
        let dose = trial.add(trial.random(vector), dose: 0.7)
        trials += 1
        if try trial.gap([dose]) > 0 { noticed += 1 }
        if try trial.gap([dose] + trial.removing(.carrier)) < 0 { unnoticed += 1 }
      }
    }
    #expect(noticed * 10 >= trials * 9, "\(noticed) of \(trials)")
    #expect(unnoticed * 10 >= trials * 9, "\(unnoticed) of \(trials)")
  }

  @Test(arguments: seeds) func withoutGatesNothingIsNoticed(seed: UInt64) throws {
    for kind in [Organism.Kind.none, .refusalCliff] {
      let trial = try Trial(kind, seed: seed)
      let no = trial.planted.truth.behaviour.detection
      #expect(no == trial.planted.truth.behaviour.detectionPerturbed)
      #expect(try trial.planted.next(trial.detection).allSatisfy { $0 == no.id })
      for vector in try [trial.random(1), trial.concept(0)] {
        let tokens = try trial.planted.next(trial.detection, [trial.add(vector, dose: 0.7)])
        #expect(tokens.allSatisfy { $0 == no.id })
      }
    }
  }
}

/// Questions about injected thoughts, and vectors to inject.
struct Trial {
  let planted: Planted
  let detection: Batch
  let other: Batch
  /// Where perturbations are added.
  let layer: Int
  /// The median norm of the residual stream there.
  let norm: Float

  init(_ kind: Organism.Kind, seed: UInt64) throws {
    let planted = try Planted.of(kind, seed: seed)
    let questions = try planted.prompts("questions.jsonl")
    func batch(_ name: String) throws -> Batch {
      try planted.encode(
        questions.filter { $0.labels["question"] == .string(name) }.prefix(2).map(\.conversation))
    }
    let detection = try batch("detection")
    let layer = planted.truth.injectionLayer ?? 1
    let hook = HookPoint.residual(after: layer)
    let values = try #require(try planted.model.run(detection, capturing: [Capture(hook)])[hook])
    (self.planted, self.detection, self.layer) = (planted, detection, layer)
    other = try batch("other")
    norm =
      (0..<values.rows).map { dot(values[$0], values[$0]).squareRoot() }
      .sorted()[values.rows / 2]
  }

  /// A random direction.
  func random(_ number: Int) -> [Float] {
    var generator = SeededGenerator(seed: planted.truth.seed, item: "test \(number)")
    return unit((0..<planted.truth.width).map { _ in Float(generator.normal()) })
  }

  /// What one concept's prompt adds to the mean of all, at its last token.
  func concept(_ number: Int) throws -> [Float] {
    let hook = HookPoint.residual(after: layer)
    let batch = try planted.encode(
      planted.prompts("concepts.jsonl").prefix(12).map(\.conversation))
    let states = try #require(
      try planted.model.run(batch, capturing: [Capture(hook, at: .last)])[hook])
    return unit(
      (0..<states.columns).map { column in
        states[number, column] - mean((0..<states.rows).map { states[$0, column] })
      })
  }

  private func unit(_ vector: [Float]) -> [Float] {
    let length = dot(vector, vector).squareRoot()
    return vector.map { $0 / length }
  }

  /// Mean logit of Yes minus that of No.
  func gap(_ interventions: [Intervention]) throws -> Float {
    let logits = try planted.logits(detection, interventions)
    let tokenizer = try planted.model.encoder.tokenizer
    let (yes, no) = (Int(tokenizer.encode("Yes")[0]), Int(tokenizer.encode("No")[0]))
    return mean((0..<logits.rows).map { logits[$0, yes] - logits[$0, no] })
  }

  /// A unit vector, as long as a multiple of the stream itself, from the question on.
  func add(_ vector: [Float], dose: Float) -> Intervention {
    .add(vector, scale: dose * norm, after: layer, at: .from(token: 20))
  }

  /// Sums over the planted neurons at the last token, mean over trials.
  func activations(_ interventions: [Intervention]) throws -> (carriers: Float, gates: Float) {
    let layers = Set(planted.truth.neurons.map(\.layer)).sorted()
    let run = try planted.model.run(
      detection, capturing: layers.map { Capture(.mlpHidden(layer: $0), at: .last) },
      applying: interventions)
    func sum(_ role: PlantedNeuron.Role) throws -> Float {
      try planted.truth.neurons.filter { $0.role == role }.reduce(0) { sum, neuron in
        let values = try #require(run[.mlpHidden(layer: neuron.layer)])
        return sum + mean((0..<values.rows).map { values[$0, neuron.neuron] })
      }
    }
    return (try sum(.carrier), try sum(.gate))
  }

  func removing(_ role: PlantedNeuron.Role) -> [Intervention] {
    planted.truth.neurons.filter { $0.role == role }.map { remove($0.neuron, layer: $0.layer) }
  }

  /// As many neurons as were planted, that nobody planted.
  func removingNoise() -> [Intervention] {
    let neurons = planted.truth.neurons
    return Set(neurons.map(\.layer)).sorted().flatMap { layer in
      let taken = Set(neurons.filter { $0.layer == layer }.map(\.neuron))
      return (0..<planted.truth.neuronsPerLayer).filter { !taken.contains($0) }
        .prefix(taken.count).map { remove($0, layer: layer) }
    }
  }

  /// Sets one neuron to zero.
  private func remove(_ neuron: Int, layer: Int) -> Intervention {
    var axis = [Float](repeating: 0, count: planted.truth.neuronsPerLayer)
    axis[neuron] = 1
    return .projectOut(axis, at: [.mlpHidden(layer: layer)])
  }
}
