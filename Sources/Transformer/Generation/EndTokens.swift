import Checkpoints
import Files
import Tokenization

extension Model {
  /// The tokens that end an answer, ascending.
  /// - Throws: when a file names one that is not in the vocabulary.
  public var endTokenIDs: [Int32] { get throws { try endTokens.get().sorted() } }

  /// The ends of a turn that published chat models have.
  private static let turnEnds = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>"]

  /// The tokens that end a text or a turn: the tokenizer's own, those of `config.json` and
  /// `generation_config.json`, and of GGUF metadata the ends of text, turn and message. A GGUF file that
  /// does not say what ends a turn has its control tokens with a known name, as in llama.cpp.
  static func endTokens(
    _ checkpoint: Checkpoint, _ tokenizer: Tokenizer?, vocabulary: Int
  ) throws -> Set<Int32> {
    var ends: Set<Int32> = []
    if let end = tokenizer?.eosID { ends.insert(end) }
    switch checkpoint.format {
    case .gguf:
      for name in ["eos", "eot", "eom"] {
        let key = "tokenizer.ggml.\(name)_token_id"
        guard checkpoint.metadata[key] != nil else { continue }
        ends.insert(Int32(try checkpoint.integer(key, in: 0...(vocabulary - 1))))
      }
      if let tokenizer, checkpoint.metadata["tokenizer.ggml.eot_token_id"] == nil {
        let named = turnEnds.compactMap { tokenizer.controlID(of: $0) }
        ends.formUnion(named.filter { $0 < vocabulary })
      }
    case .safetensors:
      if let configuration = checkpoint.configuration {
        ends.formUnion(
          try endTokens(configuration, checkpoint.path + "/config.json", vocabulary))
      }
      if let path = checkpoint.file(named: "generation_config.json") {
        let json = try JSONReader.parse(try readFile(path, limit: 1 << 20), file: path)
        ends.formUnion(try endTokens(json, path, vocabulary))
      }
    }
    return ends
  }

  private static func endTokens(
    _ json: JSON, _ file: String, _ vocabulary: Int
  ) throws(Problem) -> [Int32] {
    guard let value = json["eos_token_id"], !value.isNull else { return [] }
    let ends = (value.array ?? [value]).map { $0.int.flatMap(Int32.init(exactly:)) ?? -1 }
    guard ends.allSatisfy({ $0 >= 0 && $0 < vocabulary }) else {
      throw Problem(
        .unknownToken, file, place: "eos_token_id",
        problem: "is no token of the vocabulary of \(vocabulary), and no list of such",
        remedy: "the file is damaged: fetch it again")
    }
    return ends
  }
}
