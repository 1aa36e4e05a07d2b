import Checkpoints
import Files
import Tensors

/// A family of models: its settings, read from a checkpoint, and how it is put together.
///
/// One architecture is one file in `Architectures`: the settings, the tensors by name, and the network
/// that they make. The forward pass is the network's.
protocol Architecture: Sendable, Codable {
  /// Its names: `model_type` in `config.json`, `general.architecture` in GGUF.
  static var names: Set<String> { get }

  var shape: ModelShape { get }

  /// Reads the settings; those that it leaves unread are refused afterwards.
  /// - Throws: for a missing or impossible value.
  init(_ settings: Settings) throws

  /// Takes the weights; tensors that it leaves are refused afterwards.
  /// - Throws: for a missing tensor and one of the wrong shape.
  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix>
}

extension Architecture {
  /// Reads the settings and refuses those that nobody asked for.
  static func read(_ settings: Settings) throws -> Self {
    let architecture = try Self(settings)
    try settings.finish()
    return architecture
  }
}

/// The architectures that this engine knows.
enum Architectures {
  static let all: [any Architecture.Type] = [
    GPT2.self, GPTNeoX.self, Llama.self, Mistral.self, Mixtral.self, Qwen2.self, Qwen3.self,
    Qwen3MoE.self, Gemma2.self, Gemma3.self, Phi3.self, OLMo2.self,
  ]

  /// The settings of a checkpoint, of whichever architecture it is.
  static func read(_ checkpoint: Checkpoint) throws -> any Architecture {
    let name = try checkpoint.architectureName()
    guard let type = all.first(where: { $0.names.contains(name) }) else {
      let known = all.flatMap { $0.names }.sorted().joined(separator: ", ")
      throw Problem(
        .unknownArchitecture, checkpoint.path, place: "architecture",
        problem: "'\(name)' is not one that this engine knows",
        remedy: "use one of \(known)")
    }
    return try type.read(Settings(checkpoint))
  }
}

extension Checkpoint {
  /// The architecture that the checkpoint says it has.
  func architectureName() throws -> String {
    switch format {
    case .gguf:
      let name = try string("general.architecture")
      // GGUF files call Mixtral Llama.
      return name == "llama" && metadata["llama.expert_count"] != nil ? "mixtral" : name
    case .safetensors: return configuration?["model_type"]?.text ?? "none"
    }
  }
}
