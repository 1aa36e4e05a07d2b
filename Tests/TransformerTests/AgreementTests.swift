import Tensors
import Testing

@testable import Transformer

@Suite("Agreement with Hugging Face transformers")
struct AgreementTests {
  @Test(arguments: tinyModels)
  func everyHookOfATinyModel(name: String) throws {
    let model = try Model.load(golden(name))
    let reference = try Reference(golden(name) + "/reference.safetensors")
    try expectAgreement(model, reference, relative: 5e-5)
  }

  @Test(.enabled(if: demoModel != nil, "run: bathyscope models get smollm2-135m"))
  func demoModelAtTheLastToken() throws {
    let reference = try Reference(golden("smollm2-reference.safetensors"))
    try expectAgreement(try #require(demoModel), reference, relative: 1e-4, logits: 5e-4)
  }

  /// The same with every token, layer and logit, which is too large to commit: set
  /// BATHYSCOPE_REFERENCE to a file that `record_reference.py` wrote.
  @Test(.enabled(if: fullReference != nil && demoModel != nil, "BATHYSCOPE_REFERENCE is not set"))
  func demoModelAtEveryToken() throws {
    let reference = try Reference(try #require(fullReference))
    try expectAgreement(try #require(demoModel), reference, relative: 1e-4, logits: 5e-4)
  }

  /// Greedy decoding step by step gives the recorded tokens exactly when, with those tokens given,
  /// the largest logit at every step is the next of them.
  @Test(arguments: tinyModels + ["smollm2"])
  func greedyContinuation(name: String) throws {
    let isTiny = tinyModels.contains(name)
    guard let model = isTiny ? try Model.load(golden(name)) : demoModel else { return }
    let reference = try Reference(
      golden(isTiny ? name + "/reference.safetensors" : "smollm2-reference.safetensors"))
    var batch = try reference.batch
    var continuations: [[Int32]] = []
    for index in batch.sequences.indices {
      let greedy = try reference.integers("\(index)/greedy")
      let sequence = batch.sequences[index]
      batch.sequences[index] = TokenSequence(id: "\(index)", tokens: sequence.tokens + greedy)
      continuations.append(greedy)
    }
    let steps = continuations[0].count
    let run = try model.run(batch, capturing: [.logits(at: .range(-steps - 1, -2))])
    for (index, sequence) in run.sequences.enumerated() {
      let logits = try #require(sequence.values[.logits])
      let chosen = (0..<logits.rows).map { row in
        Int32(logits[row].enumerated().max { $0.element < $1.element }?.offset ?? -1)
      }
      #expect(chosen == continuations[index], "sequence \(index)")
    }
  }
}

private let fullReference = environment("BATHYSCOPE_REFERENCE")
