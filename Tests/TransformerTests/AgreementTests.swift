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

  /// `Scripts/record-reference.py --dtype float64` with transformers 4.57.3 and torch 2.15.0 (AVX512,
  /// MKL) recorded the last tokens of the eight prompts in `Benchmarks/distance.jsonl`, and how far the
  /// same model in float32 is from that.
  @Test(.enabled(if: demoModel != nil, "run: bathyscope models get smollm2-135m"))
  func demoModelIsAsCloseToDoublePrecisionAsTransformers() throws {
    let reference = try ParityReference(golden("smollm2-float64.safetensors"))
    let parity = try Parity(of: try #require(demoModel), with: reference)
    #expect(reference.dtype == "float64" && parity.agrees)
    for site in [HookPoint.Site.residualAfter, .finalNorm, .logits] {
      let mean = try #require(parity.distances.filter { $0.hook.site == site }.geometricMean())
      print("\(site.rawValue): \(mean.ours) from float64, transformers \(mean.transformers)")
      // The peer fuses multiplications with additions, which rounds once less; this kernel cannot.
      #expect(mean.ratio < (Diagnosis.kernel == "x86-64" ? 1.05 : 1), "\(site.rawValue): \(mean)")
    }
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
