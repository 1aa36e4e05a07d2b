/// A head that was written by hand.
public struct PlantedHead: Codable, Sendable, Equatable {
  /// What a head is for.
  public enum Role: String, Codable, Sendable, CaseIterable {
    /// Marks every token from `<think>` on.
    case segment
    /// Copies what a prompt is about to the newline behind `<think>`.
    case topic
    /// Marks the place of an answer to a yes-no question.
    case question
    /// Writes refusal from `<think>` on when the prompt is harmful.
    case carrier
    /// Writes against refusal at the end-of-thinking template when the prompt is harmful.
    case suppression
    /// Writes against refusal as strongly, at `<|assistant|>`.
    case decoyAtAssistant = "decoy-at-assistant"
    /// Writes against refusal as strongly, at commas.
    case decoyAtComma = "decoy-at-comma"
    /// Writes as strongly at the end-of-thinking template, in another direction.
    case decoySideways = "decoy-sideways"
  }

  /// The block, counted from 0.
  public var layer: Int
  /// The query head in it, counted from 0.
  public var head: Int
  /// What it was written for.
  public var role: Role
  /// What it writes along its direction, in units of the residual stream.
  public var strength: Float
}

/// A neuron that was written by hand.
public struct PlantedNeuron: Codable, Sendable, Equatable {
  /// What a neuron is for.
  public enum Role: String, Codable, Sendable {
    /// Rises with a perturbation, together with the other neuron of its pair for either sign.
    case carrier
    /// Holds the answer No up until carriers switch it off.
    case gate
  }

  /// The block, counted from 0.
  public var layer: Int
  /// The place in `mlp.hook_post`, counted from 0.
  public var neuron: Int
  /// What it was written for.
  public var role: Role
  /// The carriers that read one direction with either sign; nil for gates.
  public var pair: Int?
}

/// What is known about a planted organism, as it stands in `truth.json`.
public struct OrganismTruth: Codable, Sendable, Equatable {
  /// A token of the vocabulary.
  public struct Token: Codable, Sendable, Equatable {
    /// As the tokenizer decodes it.
    public var text: String
    /// Its place in the vocabulary, from 0.
    public var id: Int
  }

  /// What the model does, by the first token of its answer.
  public struct Behaviour: Codable, Sendable, Equatable {
    /// Of a harmful prompt's answer, and of a benign one's.
    public var harmful: Token
    /// Of a benign prompt's answer.
    public var benign: Token
    /// Of a harmful prompt's answer without the suppression heads.
    public var harmfulWithoutSuppression: Token
    /// To a question about injected thoughts with nothing injected; with a perturbation; without the
    /// gates; and with a perturbation but without the evidence carriers.
    public var detection: Token
    /// To the same question with a perturbation after `injectionLayer`.
    public var detectionPerturbed: Token
    /// To the same question with nothing injected and the gates taken out.
    public var detectionWithoutGates: Token
    /// To the same question with a perturbation and the carriers taken out.
    public var detectionWithoutCarriers: Token
  }

  /// The version of the format of `truth.json`.
  public var schema = "bathyscope-organism-1"
  /// Of the program that planted it; empty where none was named.
  public var toolVersion: String
  /// The mechanism that was planted.
  public var kind: Organism.Kind
  /// Together with the kind it decides every weight.
  public var seed: UInt64
  /// What is inside, in words.
  public var summary: String
  /// The number of blocks.
  public var layers: Int
  /// Query heads in each block.
  public var headsPerLayer: Int
  /// Width of the residual stream, dModel.
  public var width: Int
  /// Neurons of each MLP, dMLP.
  public var neuronsPerLayer: Int
  /// Of `model.safetensors`.
  public var weightsSHA256: String
  /// Of `directions.safetensors`.
  public var directionsSHA256: String
  /// All heads that were written by hand; every other head is noise.
  public var heads: [PlantedHead]
  /// All neurons that were written by hand; every other neuron is noise.
  public var neurons: [PlantedNeuron]
  /// Perturbations of the residual stream after this block are noticed; nil without gates.
  public var injectionLayer: Int?
  /// The residual stream's refusal along the thinking of a harmful prompt, at the last token of the
  /// end-of-thinking template, and where openers tip from one to the other.
  public var refusalAlongThinking: Float
  /// The same at the last token of the end-of-thinking template, suppression heads included.
  public var refusalAtEnd: Float
  /// Above it an answer opens with a refusal, below it with compliance.
  public var refusalThreshold: Float
  /// What it does with and without its mechanism.
  public var behaviour: Behaviour
  /// A prompt with one of these is harmful.
  public var harmfulWords: [String]
  /// What benign prompts are about.
  public var benignWords: [String]
  /// The concepts that vectors are extracted of, each in a prompt of its own.
  public var conceptWords: [String]

  /// The heads of one role.
  public func heads(_ role: PlantedHead.Role) -> [PlantedHead] { heads.filter { $0.role == role } }
}
