"""Records the token ids that Hugging Face `tokenizers` gives, for the tests of Tokenization.

    python record_tokenizer.py OUTPUT_FOLDER [SMOLLM2_TOKENIZER_JSON [CHECKED_IDS_JSON]]

Trains four small tokenizers (written as tokenizer_NAME.json) and encodes the same texts with each
(tokenizer_NAME_ids.json); with the real tokenizer.json of SmolLM2-135M-Instruct it records that as
tokenizer_smollm2.json. CHECKED_IDS_JSON holds ids that also agree with llama.cpp: they must come out.

The SmolLM2 file must have its digit splitting: what transformers converts from the GGUF file lacks it.
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers import decoders, processors, trainers

LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CODE = [
    "def f(x):\n    return x ** 2  # square\n\n\nprint(f(3))\n",
    "let ids = text.map { $0.value &+ 1 }\n\tguard ids.count > 0 else { return nil }\n",
    "for (int i = 0; i < 10; ++i) {\n\t\tsum += a[i]*b[i];\r\n\t}\r\n",
    "<html><body class=\"x\">&nbsp;</body></html>",
    "SELECT id, name FROM users WHERE age >= 21 AND name LIKE '%o''brien%';",
    "{\"key\": [1, 2.5e-3, null, true], \"näme\": \"\\u00e9\"}",
    "#!/bin/sh\nset -euo pipefail\nexport A=$(cat \"$1\" | wc -l)\n",
    "x=1;y=2;;z=x+y//2\n", "$\\frac{1}{2}\\sum_{i=0}^{n} x_i^2$", "a->b::c<T>&&d||!e", "0xDEADBEEF 1_000_000 1e-9",
    "```python\nprint('hi')\n```", "https://example.org/a/b?c=d&e=%20f#g", "C:\\Users\\x\\y.txt", "--flag=value -v -vvv",
]
SCRIPTS = [
    "今天天气很好，我们去公园散步吧。", "東京都は日本の首都です。カタカナとひらがな", "안녕하세요 세계, 오늘은 날씨가 좋네요",
    "مرحبا بالعالم، كيف حالك؟ ١٢٣٤", "שלום עולם, מה שלומך?", "नमस्ते दुनिया १२३ क्षत्रिय", "สวัสดีชาวโลก ๑๒๓", "Привет, мир! Ёлка",
    "Γειά σου Κόσμε", "Xin chào thế giới", "Türkçe İstanbul ıI", "Բարեւ աշխարհ", "გამარჯობა მსოფლიო", "ሰላም ልዑል", "வணக்கம் உலகம்",
    "မင်္ဂလာပါ", "ສະບາຍດີ", "Ā ē ī ō ū ǖ ǘ", "ⴰⴱⴳ ᏣᎳᎩ", "𐍈𐌰𐌹 𝒜𝓫𝔠 𝟘𝟙𝟚", "你好hello世界world123一二三",
    "中文，混合 English 和 123 数字。\n\n新段落", "ﷺ ﬁ ﬂ ǅ ß ẞ", "ｆｕｌｌ　ｗｉｄｔｈ　１２３",
]
DIGITS = [
    "1", "12", "123", "1234", "12345678901234567890", "3.14159", "1,000,000", "1 2  3   4", "a1b22c333", "２０２４年１２月", "٣٤٥٦", "१२३४५",
    "x² + y³ = z⁴", "H₂O CO₂", "½ ¼ ¾ ⅓", "Ⅷ ⅻ ①②③ ⑽", "〇一二三", "௧௰", "1️⃣2️⃣", "v1.2.3-rc4", "2024-02-29T23:59:60Z", " 1", "  1", "1 ", "9s 9's",
    "１２３ ٣٤ ²", "Hello world 12345 3.14", "۴۵۶ ߁߂",
]
SPACES = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r\n\r\n", "\r", "\t", "\t\t", " \n", "\n ", " \n ", "  \n  \n  x", "a b", "a  b", "a   b", "a\tb", "a\t\tb",
    "a \t b", "a\n\nb", "a\r\nb", "a \r\n b", "a\n \nb", "x" + " " * 64 + "y", " " * 200, "\n" * 50, "\t" * 33 + "x", "a\u00a0b", "a\u00a0\u00a0b",
    "a\u2003b", "a\u3000\u3000b", "a\u2028b\u2029c", "a\u0085b", "a\u200bb", "a\u1680b", "a\x0bb\x0cc", "end ", "end  ", "end\n", "end \n",
    "  12  ab\n\n\n x", "tab\tnew\r\nline", "  leading", "trailing  ", " . . .", "\n.\n", " \u00a0 x", "\u2009x", ".\r\n\r\nx", "!\n\n\n?", " !\n a",
]
APOSTROPHES = [
    "it's I'M we'll", "don't DON'T Don'T", "I've I'VE i'Ve", "you're YOU'RE", "he'd HE'D", "they'll THEY'LL 'lL", "'s 's's 's'", "''s", "'", "''", "'''",
    "' s", "'x", "'\u017f '\u017fa", "l'eau d'or", "rock 'n' roll", "\u2019s it\u2019s", "'r 'v 'l", "'re've'll", "o'clock's", "'sab 'dab 'mab", "'S'T'M",
    "'K \u212a", "'\u0130",
]
EMOJI = [
    "emoji 👩‍👩‍👧‍👦 zero​width", "👍🏽 ok", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️❤", "😀😀😀", "a😀b", "👨‍💻 writes code", "♠♥♦♣ ☃", "🫠🫥", "™©®", "→ ⇒ ∀x∈ℝ",
]
MARKS = [
    "\u00e9 e\u0301", "\u00c5 A\u030a \u212b", "o\u0302\u0323 o\u0323\u0302 \u1ed9", "n\u0303o man\u0303ana", "\uac00 \u1100\u1161 \u1100\u1161\u11a8",
    "q\u0307\u0323", "\u0301x", " \u0301", "e\u0301\u0301\u0301", "\u0915\u093c \u0958", "\u0f71\u0f72", "a\u034fb", "Z\u0351\u036b\u0343algo",
    "caf\u00e9", "cafe\u0301", "\u1e9b\u0323", "\ufb01", "\u2126 \u03a9", "\u0344", "x\u20dd", "\u0bc6\u0bbe", "\u09c7\u09be", "ÀÉÎõü ǅ ß ﬁ", "e\u0301 \u4eca \u00e9 \n\u0301",
]
CONTROLS = [
    "\x00", "a\x00b", "\x01\x02\x03", "\x1b[31mred\x1b[0m", "\x7f", "\u0080\u009f", "\x04\x06\x13\x14\x16\x1d", "a\x04b", "th\x04e the", "\ufeffbom", "\u202eabc\u202c", "\u00ad",
    "\ufffd", "\ue000\uf8ff", "\U000f0000", "\U0010ffff", "\U00040000 x\U00080000y", "\ufffe",
]
SPECIALS = [
    "<|im_start|>user\nhi<|im_end|>\n", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|><|im_start|>", "a<|im_end|>b", " <|im_end|> ",
    "<|im_end|", "|im_end|>", "<|im_end|>>", "<<|im_end|>", "<|IM_END|>", "<| im_end |>", "<repo_name>x<file_sep>", "<reponame>", "<jupyter_start>1<jupyter_text>",
    "<|im_start|>system\nYou are a helpful AI assistant.<|im_end|>\n<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n",
    "<think>\nLet me see.\n</think>\n\nYes.", "<|mask|>  x", "a  <|mask|>", "a <|mask|> b", "  <|mask|><|mask|>  ", "caf\u00e9s cafe\u0301s", "cafe\u0301", "<tool>", "<tool><tools>",
]
PROSE = [
    "Hello world", "The quick brown fox jumps over the lazy dog.", "I can't help with that, but here's what I can do:", "Sure! Here are three steps:\n\n1. First\n2. Second\n3. Third\n",
    "ALL CAPS TEXT AND MiXeD cAsE", "snake_case camelCase PascalCase kebab-case", "a" * 50, "ab" * 40, "aaaa bbbb cccc", "...", "?!?!", "***bold*** _it_", "((()))[[[]]]{{{}}}",
    "e-mail: a.b@example.org", "supercalifragilisticexpialidocious antidisestablishmentarianism", "x", "é", "The the THE tHe", "Mr. Smith—who's 42—said: “Hi!” …",
    "I'm sorry, I cannot assist with that request.", "one,two;three:four", "50% of $3.00 is €1.50", "#hashtag @user", "= = == === ====",
]


def texts():
    result = CODE + SCRIPTS + DIGITS + SPACES + APOSTROPHES + EMOJI + MARKS + CONTROLS + SPECIALS + PROSE
    # Mixtures, to meet what nobody thinks of: seeded, so that a recording can be repeated.
    generator = random.Random(20240229)
    alphabet = list("aZé1２²'sSdlLrevEM .,!?_-\n\r\t") + ["  ", "\u00a0", "\u3000", "\u0301", "今", "ก", "ا", "👍", "'ll", "'S", "\r\n", "\u017f"]
    result += ["".join(generator.choices(alphabet, k=generator.randint(3, 30))) for _ in range(80)]
    assert all(text == text.encode().decode() for text in result)
    return list(dict.fromkeys(result))


def small(name):
    """A tokenizer trained on the texts, with added tokens of every kind."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=name == "llama3"))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=name in ("gpt2", "digits"))
    if name == "gpt2":
        tokenizer.pre_tokenizer = byte_level
    else:
        first = {
            "digits": pre_tokenizers.Digits(individual_digits=True),
            "llama3": pre_tokenizers.Split(Regex(LLAMA % r"\p{N}{1,3}"), "isolated"),
            "qwen2": pre_tokenizers.Split(Regex(LLAMA % r"\p{N}"), "isolated"),
        }[name]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] if name != "llama3" else []
    trainer = trainers.BpeTrainer(
        vocab_size=800, special_tokens=specials, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if name != "digits" else [],
    )
    tokenizer.train_from_iterator((CODE + SCRIPTS + DIGITS + PROSE + APOSTROPHES) * 3, trainer)
    if name == "llama3":
        # As in Llama 3, the special tokens stand behind the vocabulary, and a template adds the BOS.
        tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        bos = ("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>"))
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|endoftext|> $A", pair="<|endoftext|> $A $B:1", special_tokens=[bos]),
        ])
    if name in ("gpt2", "qwen2"):
        tokenizer.add_special_tokens([AddedToken("<|mask|>", lstrip=True, rstrip=name == "qwen2")])
        tokenizer.add_tokens([
            AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False), AddedToken("   ", normalized=False),
            AddedToken("cafe\u0301s", normalized=True), AddedToken("<tool>", normalized=True), AddedToken("<tool><tools>", normalized=False),
        ])
    return tokenizer


def record(tokenizer, path):
    rows = []
    for text in texts():
        tokenizer.encode_special_tokens = False
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        rows.append({"text": text, "ids": ids, "ids_as_plain": plain})
    body = ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)
    path.write_text(f"[\n{body}\n]\n", encoding="utf-8")
    return rows


def main():
    folder = Path(sys.argv[1])
    for name in ("gpt2", "digits", "llama3", "qwen2"):
        tokenizer = small(name)
        # Merges as texts in one and as pairs in the others: both forms are in use.
        data = json.loads(tokenizer.to_str())
        if name == "gpt2":
            data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
        path = folder / f"tokenizer_{name}.json"
        path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        rows = record(Tokenizer.from_file(str(path)), folder / f"tokenizer_{name}_ids.json")
        print(name, len(rows), "texts", path.stat().st_size, "bytes")
    if len(sys.argv) > 2:
        tokenizer = Tokenizer.from_file(sys.argv[2])
        rows = record(tokenizer, folder / "tokenizer_smollm2.json")
        print("smollm2", len(rows), "texts")
        for row in json.loads(Path(sys.argv[3]).read_text()) if len(sys.argv) > 3 else []:
            found = next(other for other in rows if other["text"] == row["text"])
            assert found == row, row


if __name__ == "__main__":
    main()
