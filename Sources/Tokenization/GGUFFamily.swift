/// What llama.cpp's name for a pre-tokenizer stands for.
///
/// There is no `default`: llama.cpp gives it to files that do not say how their text is cut, and cuts
/// otherwise than the model that is in them.
struct GGUFFamily {
  var steps: [SplitPattern]
  var composes = false
  var ignoresMerges = false
  var addsBOS = false

  init?(name: String) {
    switch name {
    case "gpt-2", "phi-2": steps = [.gpt2]
    // GPT-NeoX's tokenizer.
    case "olmo", "mpt": (steps, composes) = ([.gpt2], true)
    case "smollm", "starcoder", "refact": steps = [.digits, .gpt2]
    case "llama-bpe", "llama3", "llama-v3":
      (steps, ignoresMerges, addsBOS) = ([.llama3], true, true)
    // OLMo 2, Phi-4 and other models with cl100k's pattern.
    case "dbrx", "smaug-bpe": steps = [.llama3]
    case "qwen2": (steps, composes) = ([.qwen2], true)
    case "deepseek-r1-qwen": steps = [.qwen2]
    case "tekken": (steps, ignoresMerges, addsBOS) = ([.tekken], true, true)
    case "gpt-4o": steps = [.o200k]
    case "deepseek-llm": steps = Self.deepSeekLLM
    case "deepseek-coder": steps = Self.deepSeekCoder
    case "deepseek-v3":
      let digits = SplitPattern.run(CharacterRun(members: .number, most: 3))
      steps = [digits] + Self.characters("[\u{4E00}-\u{9FA5}\u{3040}-\u{30FF}]+") + [.deepSeekV3]
    default: return nil
    }
  }
}

extension GGUFFamily {
  /// A run of characters that stands in a pattern which another step needs as well.
  private static func characters(_ source: String) -> [SplitPattern] {
    SplitPattern(source: source).map { [$0] } ?? []
  }

  private static let deepSeekLLM: [SplitPattern] =
    characters("[\r\n]") + characters(letters)
    + characters(
      "\\s?[!-/:-~\u{FF01}-\u{FF0F}\u{FF1A}-\u{FF5E}\u{2018}-\u{201F}\u{3000}-\u{3002}]+")
    + [.trailingSpaces] + characters(ideographs) + [.digits]

  private static let deepSeekCoder: [SplitPattern] =
    characters("[\r\n]") + characters(#"\s?\p{L}+"#) + characters(#"\s?\p{P}+"#)
    + characters(ideographs) + [.digits]

  private static let ideographs = "[\u{4E00}-\u{9FA5}\u{800}-\u{4E00}\u{AC00}-\u{D7FF}]+"

  /// The scripts with capital letters.
  private static let letters =
    #"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚ"#
    + #"Ḁ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻ"#
    + #"Ȿ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+"#
}
