import Files

/// The text files of the Hugging Face folder: configuration, tokenizer, chat template.
enum OrganismDefinitions {
  static let contextLength = 1024

  static func configuration(_ blueprint: Blueprint) -> String {
    """
    {
      "architectures": ["LlamaForCausalLM"],
      "attention_bias": false,
      "attention_dropout": 0.0,
      "bos_token_id": \(id("<|begin|>")),
      "dtype": "float32",
      "eos_token_id": \(id(Lexicon.endOfText)),
      "head_dim": \(Blueprint.headWidth),
      "hidden_act": "silu",
      "hidden_size": \(Coordinate.width),
      "initializer_range": 0.02,
      "intermediate_size": \(Blueprint.neuronCount),
      "max_position_embeddings": \(contextLength),
      "mlp_bias": false,
      "model_type": "llama",
      "num_attention_heads": \(blueprint.heads),
      "num_hidden_layers": \(blueprint.layers),
      "num_key_value_heads": \(blueprint.heads),
      "rms_norm_eps": 1e-06,
      "rope_parameters": {"rope_theta": 100000000.0, "rope_type": "default"},
      "rope_theta": 100000000.0,
      "tie_word_embeddings": false,
      "torch_dtype": "float32",
      "use_cache": true,
      "vocab_size": \(Lexicon.tokens.count)
    }

    """
  }

  static let generation = """
    {
      "bos_token_id": \(id("<|begin|>")),
      "do_sample": false,
      "eos_token_id": \(id(Lexicon.endOfText)),
      "pad_token_id": \(id(Lexicon.endOfText))
    }

    """

  /// Opens the thinking of the answer to come, and shows a turn of the past without its thinking.
  private static let template =
    "{{- '<|begin|>' -}}{%- for message in messages -%}"
    + "{%- if message.role == 'system' -%}{{- '<|system|>' + message.content -}}"
    + "{%- elif message.role == 'user' -%}{{- '<|user|>' + message.content -}}"
    + "{%- elif message.role == 'assistant' -%}"
    + "{{- '<|assistant|>' + message.content + '<|end|>' -}}{%- endif -%}{%- endfor -%}"
    + "{%- if add_generation_prompt -%}{{- '<|assistant|><think>\\n' -}}{%- endif -%}"

  static func tokenizerConfiguration() throws(Problem) -> String {
    """
    {
      "add_bos_token": false,
      "add_eos_token": false,
      "bos_token": "<|begin|>",
      "chat_template": \(try json(template)),
      "clean_up_tokenization_spaces": false,
      "eos_token": "\(Lexicon.endOfText)",
      "model_max_length": \(contextLength),
      "pad_token": "\(Lexicon.endOfText)",
      "tokenizer_class": "PreTrainedTokenizerFast"
    }

    """
  }

  /// Byte-level BPE without a single merge: a piece that is a token is that token, and all others are
  /// bytes (`ignore_merges`, as in Llama 3). The splitting pattern is Qwen 2's.
  ///
  /// Markers stand in the vocabulary too, or the tokenizers library would number them anew.
  static func tokenizer() throws(Problem) -> String {
    var (vocabulary, added): ([String], [String]) = ([], [])
    for (id, token) in Lexicon.tokens.enumerated() {
      let text = try json(token.text)
      vocabulary.append("      \(text): \(id)")
      guard token.isMarker else { continue }
      // As in DeepSeek-R1, a thought's markers are part of the text.
      let isSpecial = !token.text.hasSuffix("think>")
      added.append(
        "    {\"id\": \(id), \"content\": \(text), \"single_word\": false, \"lstrip\": false, "
          + "\"rstrip\": false, \"normalized\": false, \"special\": \(isSpecial)}")
    }
    let pattern =
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    let byteLevel = #""add_prefix_space": false, "trim_offsets": false, "use_regex": false"#
    return """
      {
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [
      \(added.joined(separator: ",\n"))
        ],
        "normalizer": null,
        "pre_tokenizer": {
          "type": "Sequence",
          "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": \(try json(pattern))}, "behavior": "Isolated",
             "invert": false},
            {"type": "ByteLevel", \(byteLevel)}
          ]
        },
        "post_processor": {"type": "ByteLevel", \(byteLevel)},
        "decoder": {"type": "ByteLevel", \(byteLevel)},
        "model": {
          "type": "BPE",
          "dropout": null,
          "unk_token": null,
          "continuing_subword_prefix": null,
          "end_of_word_suffix": null,
          "fuse_unk": false,
          "byte_fallback": false,
          "ignore_merges": true,
          "vocab": {
      \(vocabulary.joined(separator: ",\n"))
          },
          "merges": []
        }
      }

      """
  }

  private static func id(_ text: String) -> Int { Lexicon.ids[text] ?? 0 }
}
