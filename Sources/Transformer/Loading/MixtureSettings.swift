import Tensors

/// The sizes of a mixture of experts, and how tokens are sent through it.
struct MixtureSettings: Sendable, Equatable, Codable {
  var experts: Int
  /// How many experts a token goes through.
  var top: Int
  /// Width of an expert's hidden layer.
  var dExpert: Int
  /// Whether the weights of the chosen experts are scaled to sum to 1.
  var isNormalized: Bool
}

extension Settings {
  /// - Parameter key: the name of the experts' number in `config.json`.
  func mixture(
    experts key: String, top: Int, dExpert: Int, isNormalized: Bool
  ) throws -> MixtureSettings {
    let experts = try count(key, "expert_count")
    let top = try count("num_experts_per_tok", "expert_used_count", default: top)
    guard experts <= 10_000, top <= experts, dExpert <= 1 << 24 else {
      throw error(
        .outOfRange, key, "\(top) of \(experts) experts of width \(dExpert) cannot be",
        "the file is damaged: fetch it again")
    }
    // GGUF's number for the softmax of all logits.
    guard try count("", "expert_gating_func", default: 1) == 1 else {
      throw error(.unsupported, "expert_gating_func", "is not the softmax", "use another model")
    }
    return MixtureSettings(
      experts: experts, top: top, dExpert: dExpert, isNormalized: isNormalized)
  }
}

extension BlockLoader {
  /// A mixture of experts with SiLU gates.
  ///
  /// GGUF stacks the experts' matrices to one tensor `[experts, rows, inputs]`.
  /// - Parameters:
  ///   - part: the mixture's name in Hugging Face's files.
  ///   - matrices: the names there of an expert's gate, up and down projections.
  func mixture(
    _ settings: MixtureSettings, _ part: String,
    _ matrices: (gate: String, up: String, down: String)
  ) throws -> MLP<PackedMatrix> {
    let (d, dExpert) = (shape.dModel, settings.dExpert)
    func matrix(
      _ expert: Int, _ huggingFace: String, _ gguf: String, _ outputs: Int, _ inputs: Int
    ) throws -> Linear<PackedMatrix> {
      let rows = (expert * outputs)..<((expert + 1) * outputs)
      return Linear(
        weight: try weights.weight(
          name("\(part).experts.\(expert).\(huggingFace)", "ffn_\(gguf)_exps"), outputs, inputs,
          from: isGGUF ? .slice(rows, of: settings.experts * outputs) : nil,
          experts: isGGUF ? settings.experts : nil))
    }
    return .mixture(
      Mixture(
        router: try linear("\(part).gate", "ffn_gate_inp", settings.experts, d),
        experts: try (0..<settings.experts).map { expert in
          Mixture.Expert(
            gate: try matrix(expert, matrices.gate, "gate", dExpert, d),
            up: try matrix(expert, matrices.up, "up", dExpert, d),
            down: try matrix(expert, matrices.down, "down", d, dExpert))
        },
        top: settings.top, isNormalized: settings.isNormalized, activation: .silu))
  }
}
