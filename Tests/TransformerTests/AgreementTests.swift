import Tensors
import Testing

@testable import Transformer

@Suite("Agreement with Hugging Face transformers")
struct AgreementTests {
  @Test(arguments: tinyModels)
  func everyHookOfATinyModel(name: String) throws {
    let model = try Model.load(golden(name))
    try expectAgreement(model, reference: tinyReference(name), relative: 5e-6)
  }

  @Test(.enabled(if: demoModel != nil, "run: bathyscope models get smollm2-135m"))
  func demoModelAtTheLastToken() throws {
    try expectAgreement(
      try #require(demoModel), reference: golden("smollm2-reference.safetensors"), relative: 1e-4,
      logits: 5e-4)
  }

  /// The same with every token, layer and logit, which is too large to commit: set
  /// BATHYSCOPE_REFERENCE to a file that `Scripts/record-reference.py` wrote.
  @Test(.enabled(if: fullReference != nil && demoModel != nil, "BATHYSCOPE_REFERENCE is not set"))
  func demoModelAtEveryToken() throws {
    try expectAgreement(
      try #require(demoModel), reference: try #require(fullReference), relative: 1e-4,
      logits: 5e-4)
  }
}

private let fullReference = environment("BATHYSCOPE_REFERENCE")
