/// A class of transformers, as far as it changes what its files say.
enum TokenizerClass: Sendable {
  /// `PreTrainedTokenizerFast`, `TokenizersBackend` and all that are not named here: only the files
  /// count.
  case generic
  case llama, codeLlama, gemma, gpt2, gptNeoX, qwen2, cohere

  init(named name: String) {
    self =
      switch name.hasSuffix("Fast") ? String(name.dropLast(4)) : name {
      case "LlamaTokenizer": .llama
      case "CodeLlamaTokenizer": .codeLlama
      case "GemmaTokenizer": .gemma
      case "GPT2Tokenizer": .gpt2
      case "GPTNeoXTokenizer": .gptNeoX
      case "Qwen2Tokenizer": .qwen2
      case "CohereTokenizer": .cohere
      default: .generic
      }
  }

  /// Special tokens that it has where the files do not name them.
  var defaults: [(role: String, token: String)] {
    let endOfText = "<|endoftext|>"
    switch self {
    case .generic: return []
    case .llama: return [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]
    case .codeLlama:
      return Self.llama.defaults + [
        ("prefix_token", "▁<PRE>"), ("middle_token", "▁<MID>"), ("suffix_token", "▁<SUF>"),
        ("eot_token", "▁<EOT>"), ("fill_token", "<FILL_ME>"),
      ]
    case .gemma:
      return [
        ("bos_token", "<bos>"), ("eos_token", "<eos>"), ("unk_token", "<unk>"),
        ("pad_token", "<pad>"), ("mask_token", "<mask>"),
      ]
    case .gpt2, .gptNeoX:
      return ["bos_token", "eos_token", "unk_token"].map { ($0, endOfText) }
    case .qwen2: return ["eos_token", "unk_token", "pad_token"].map { ($0, endOfText) }
    case .cohere:
      return [
        ("bos_token", "<BOS_TOKEN>"), ("eos_token", "<|END_OF_TURN_TOKEN|>"),
        ("unk_token", "<UNK>"), ("sep_token", "<SEP>"), ("pad_token", "<PAD>"),
        ("cls_token", "<CLS>"), ("mask_token", "<MASK_TOKEN>"),
      ]
    }
  }
}

extension TokenizerClass {
  /// The defaults that it has in version 4, too.
  var oldDefaults: [(role: String, token: String)] {
    let later = self == .gemma || self == .cohere ? ["sep_token", "cls_token", "mask_token"] : []
    return defaults.filter { entry in
      !later.contains(entry.role) && !(self == .cohere && entry.role == "pad_token")
        && TokenizerConfiguration.standardRoles.contains(entry.role)
    }
  }

  /// The pipeline that version 5 builds in the place of the one in `tokenizer.json`, apart from the
  /// space in front of a text; nil where it keeps the file's.
  private var pipeline: (normalizer: [Normalizer.Step], steps: [PreTokenizer.Step])? {
    let space = [UInt8(ascii: " ")]
    switch self {
    case .generic: return nil
    case .gpt2: return ([], [.split(.gpt2)])
    case .gptNeoX: return ([.compose], [.split(.gpt2)])
    case .qwen2: return ([.compose], [.split(.qwen2)])
    case .cohere:
      let digits = CharacterRun(members: .number, most: 1)
      return ([.compose], [.split(.run(digits)), .split(.gpt2)])
    case .llama, .codeLlama: return ([], [.metaspace(Metaspace(prefix: .never, splits: false))])
    case .gemma:
      return (
        [.replace(space, by: Metaspace.standard)], [.cut(LiteralCut(text: space, joins: .previous))]
      )
    }
  }

  /// Whether version 5 cuts texts otherwise than `tokenizer.json` says.
  func replacesPipeline(of definition: TokenizerDefinition) -> Bool {
    guard let pipeline else { return false }
    let steps = definition.preTokenizer.steps.filter { $0 != .prefixSpace }.map { step in
      guard case .metaspace(var metaspace) = step else { return step }
      metaspace.prefix = .never
      return .metaspace(metaspace)
    }
    return definition.normalizer.steps != pipeline.normalizer || steps != pipeline.steps
  }
}

/// The classes with which versions 4 and 5 of transformers read the same folder.
struct TokenizerClasses: Sendable {
  let old: TokenizerClass
  let new: TokenizerClass

  /// Model types whose tokenizers version 5 reads as their files say, whatever class they name.
  private static let genericTypes: Set = ["mistral", "mixtral", "olmo2", "phi3"]

  init(named name: String?, modelType: String?, isByteLevel: Bool) {
    let type = modelType ?? ""
    let named = name.map(TokenizerClass.init(named:))
    old = named ?? Self.oldClass(ofType: type)
    if Self.genericTypes.contains(type) {
      new = .generic
    } else if type == "qwen2" {
      new = .qwen2
    } else if named == .llama, isByteLevel {
      new = .generic
    } else {
      new = named ?? Self.newClass(ofType: type)
    }
  }

  private static func oldClass(ofType type: String) -> TokenizerClass {
    switch type {
    case "llama", "mistral", "mixtral", "phi3": .llama
    case "olmo2": .gptNeoX
    default: newClass(ofType: type)
    }
  }

  private static func newClass(ofType type: String) -> TokenizerClass {
    switch type {
    case "qwen2", "qwen3", "qwen3_moe": .qwen2
    case "gemma", "gemma2", "gemma3", "gemma3_text": .gemma
    case "gpt_neox": .gptNeoX
    case "gpt2": .gpt2
    case "cohere", "cohere2": .cohere
    default: .generic
    }
  }
}

/// Whether a tokenizer puts a space in front of a text.
enum PrefixSpace: String, Sendable {
  /// Also after every added token.
  case always
  case first
  case never
}
