import ArgumentParser
import Bathyscope
import Foundation

struct DirectionOrthogonaliseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "orthogonalise",
    abstract: "Write a model whose weights cannot write along a direction.",
    discussion: """
      W <- W - r r^T W for the embedding, attention's output projections and the last
      projections of MLPs and experts, with their biases: what 'generate
      --project-out' does at run time. The unembedding stays as it is; where it is
      the embedding, both are stored and tie_word_embeddings becomes false. Tensors
      keep their type, but half precision becomes F32. The new folder is loaded and
      compared with the ablated model.

      Not for Gemma 2, Gemma 3 and OLMo 2: there a norm stands behind each
      projection, and its gain would write the direction back.

      Example:

        bathyscope direction orthogonalise --model folder \\
          --direction refusal/direction.safetensors --out folder-without
      """)

  @Option(help: ArgumentHelp("A Hugging Face folder.", valueName: "folder"))
  var model: String

  @Option(
    help: ArgumentHelp(
      "The direction: .safetensors, .gguf, .json, raw .f32, or a probe's folder.",
      valueName: "file"), completion: .file())
  var direction: String

  @Option(
    help: ArgumentHelp(
      "Which tensor of the direction's file, if there are several.", valueName: "name"))
  var tensor: String?

  @Option(
    help: ArgumentHelp(
      "The folder to write; it appears when it is complete.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var out: String
    var model: ModelIdentity
    var directionSha256: String
    var changes: [WeightOrthogonalisation.Change]
    var wasTied: Bool
    var sha256: String
    /// The largest difference of logits from the ablated model's, over the largest logit.
    var difference: Double
    var arguments: String
  }

  func run() throws {
    try output.claim(wholeFolder: out, record: Self.record, inputs: [model, direction])
    let original = try Model.load(model)
    let vector = try VectorFile(direction, tensor: tensor).vector(for: original, at: nil)
    let orthogonalisation = try WeightOrthogonalisation(vector, of: model)
    let size = orthogonalisation.estimatedBytes
    if size > 1_000_000_000 { writeError("\(bytes(size)) on disk") }
    var progress = Progress(of: size, "bytes")
    var folder = try StagedFolder(out)
    let written = try orthogonalisation.write(into: folder.path) { progress.advance(by: $0) }
    progress.finish()
    let result = Result(
      out: out, model: original.identity,
      directionSha256: Digest.sha256(try vectorBytes(vector)), changes: written.changes,
      wasTied: written.wasTied, sha256: written.sha256,
      difference: try difference(original, vector, in: folder.path), arguments: commandLineJSON())
    let text = try Document(schema: "orthogonalisation", content: result).text
    try AtomicFile.write(Array("\(text)\n".utf8), to: folder.path(Self.record))
    try folder.commit(replacing: output.overwrite ? Self.record : nil)
    if options.json { return printLines(text) }
    let residue = written.changes.map(\.residue).max() ?? 0
    print(
      "\(out): the direction is out of \(written.changes.count) tensors; at most "
        + "\(residue.formatted(.number.notation(.scientific))) of a vector's length is left of it, by rounding"
    )
    if written.wasTied {
      print(
        "embedding and unembedding were one tensor and are stored apart: tie_word_embeddings is false"
      )
    }
    print(
      "logits differ from those of the ablated model by at most \(fixed(100 * result.difference, 5)) % "
        + "of the largest")
  }

  /// What says where the folder came from.
  private static let record = "bathyscope.json"

  private func vectorBytes(_ vector: [Float]) throws -> [UInt8] {
    vector.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
  }

  /// Runs both models over some tokens.
  private func difference(
    _ original: Model, _ vector: [Float], in folder: String
  ) throws -> Double {
    let shape = original.shape
    var generator = SeededGenerator(seed: options.seed, item: "orthogonalisation")
    let length = min(24, shape.contextLength)
    let tokens = (0..<length).map { _ in Int32(generator.index(below: shape.dVocabulary)) }
    let batch = Batch([TokenSequence(id: "random tokens", tokens: tokens)])
    func logits(_ model: Model, _ changes: [Intervention]) throws -> [Float] {
      let run = try model.run(
        batch, capturing: [.logits(at: .all)], applying: changes, threads: options.threads)
      return run[.logits]?.values ?? []
    }
    let changed = try logits(try Model.load(folder), [])
    let ablated = try logits(original, [.directionalAblation(vector, in: shape)])
    let largest = ablated.map { Double(abs($0)) }.max() ?? 0
    let differences = zip(changed, ablated).map { abs(Double($0) - Double($1)) }
    guard differences.count == ablated.count, largest > 0, differences.allSatisfy(\.isFinite) else {
      throw Problem(
        .notFinite, out, problem: "the new model's logits are not those of its kind",
        remedy: "check the original model's weights: 'bathyscope selfcheck'")
    }
    return (differences.max() ?? 0) / largest
  }
}
