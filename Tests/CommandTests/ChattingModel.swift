import Foundation

/// The tiny Llama with a token for each of 93 characters and a chat template: what it says is random, but
/// it is text.
enum ChattingModel {
  /// Puts the model into a folder of a test under the name `model`.
  static func write(to folder: Scratch) throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("model"), withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        atPath: "\(TinyModel.llama)/\(name)", toPath: folder.file("model/\(name)"))
    }
    var vocabulary = ["<think>": 0, "</think>": 1, "<|end|>": 2, "\u{10A}": 96]
    for (id, byte) in (0x20...0x7C).enumerated() {
      vocabulary[byte == 0x20 ? "\u{120}" : String(UnicodeScalar(UInt8(byte)))] = id + 3
    }
    let added = ["<think>", "</think>", "<|end|>"].enumerated().map { id, text -> [String: Any] in
      [
        "id": id, "content": text, "special": true, "normalized": false, "lstrip": false,
        "rstrip": false, "single_word": false,
      ]
    }
    let tokenizer: [String: Any] = [
      "version": "1.0", "added_tokens": added,
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
      "decoder": ["type": "ByteLevel"],
      "model": ["type": "BPE", "vocab": vocabulary, "merges": [] as [String]],
    ]
    let template =
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
      + "{% if add_generation_prompt %}[assistant] {% endif %}"
    try folder.write(
      "model/tokenizer.json",
      Array(try JSONSerialization.data(withJSONObject: tokenizer, options: [.sortedKeys])))
    try folder.write(
      "model/tokenizer_config.json",
      Array(
        try JSONSerialization.data(
          withJSONObject: [
            "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>",
            "chat_template": template,
          ],
          options: [.sortedKeys])))
  }
}
