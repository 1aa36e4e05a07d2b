import Foundation

/// A tiny random model that can read and write: a token for each of 93 characters and a newline, a chat
/// template, and thinking markers.
enum TalkingModel {
  /// Writes it into the folder under the name.
  static func write(_ name: String = "model", in folder: Scratch) throws {
    let path = folder.file(name)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for file in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        atPath: "\(TinyModel.llama)/\(file)", toPath: "\(path)/\(file)")
    }
    var vocabulary: [String: Int] = [:]
    for (id, byte) in (0x20...0x7C).enumerated() {
      vocabulary[byte == 0x20 ? "\u{120}" : String(UnicodeScalar(UInt8(byte)))] = id + 3
    }
    vocabulary["\u{10A}"] = 96
    let specials = ["<think>", "</think>", "<|end|>"]
    let added = specials.enumerated().map { id, text -> [String: Any] in
      [
        "id": id, "content": text, "special": true, "normalized": false, "lstrip": false,
        "rstrip": false, "single_word": false,
      ]
    }
    let tokenizer: [String: Any] = [
      "version": "1.0", "added_tokens": added,
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
      "decoder": ["type": "ByteLevel"],
      "model": [
        "type": "BPE", "vocab": vocabulary.merging(zip(specials, 0...)) { $1 },
        "merges": [] as [String],
      ],
    ]
    try JSONSerialization.data(withJSONObject: tokenizer).write(
      to: URL(fileURLWithPath: path + "/tokenizer.json"))
    try folder.write(
      "\(name)/tokenizer_config.json",
      #"{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}"#)
    try folder.write(
      "\(name)/chat_template.jinja",
      "{% for m in messages %}<|end|>{{ m['content'] }}<|end|>{% endfor %}"
        + "{% if add_generation_prompt %}a:{% endif %}{# <think> #}")
  }

  /// Writes a LoRA adapter of rank 1 for the queries of its first block.
  static func writeAdapter(_ name: String, in folder: Scratch) throws {
    try FileManager.default.createDirectory(
      atPath: folder.file(name), withIntermediateDirectories: true)
    try folder.write(
      "\(name)/adapter_config.json",
      #"{"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["q_proj"]}"#)
    let parameter = "base_model.model.model.layers.0.self_attn.q_proj"
    let header =
      #"{"\#(parameter).lora_A.weight": {"dtype": "F32", "shape": [1, 36], "data_offsets": [0, 144]}, "#
      + #""\#(parameter).lora_B.weight": {"dtype": "F32", "shape": [36, 1], "data_offsets": [144, 288]}}"#
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    bytes += header.utf8
    for _ in 0..<72 { bytes += withUnsafeBytes(of: Float(0.25).bitPattern.littleEndian) { $0 } }
    try folder.write("\(name)/adapter_model.safetensors", bytes)
  }

  /// Prompts of two classes in groups of two, which differ in a letter.
  static func prompts(_ count: Int = 48) -> String {
    (0..<count).map { index in
      let isHarmful = index % 2 == 0
      let word = isHarmful ? "bad" : "fine"
      let tail = ["q", "r", "s", "t", "u", "v"][index / 2 % 6] + "\(index / 4)"
      return #"{"id": "p\#(index)", "prompt": "\#(word) \#(tail)?", "harmful": \#(isHarmful), "#
        + #""group": "g\#(index / 4)\#(isHarmful)"}"#
    }.joined(separator: "\n") + "\n"
  }

  /// The same with thinking and a response.
  static func transcripts(_ count: Int = 48) -> String {
    prompts(count).split(separator: "\n").enumerated().map { index, row in
      let thinking = String(repeating: "hm \(index % 7) ", count: 2 + index % 3)
      return row.dropLast() + #", "thinking": "\#(thinking)", "response": "ok \#(index)"}"#
    }.joined(separator: "\n") + "\n"
  }
}
