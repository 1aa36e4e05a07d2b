"""Records the ids of small tokenizers with the published pipelines of the model families.

    python record_families.py OUTPUT_FOLDER

Each is trained on the texts of record_tokenizer.py and has its family's normaliser, pre-tokenizer, decoder
and post-processor, as the published tokenizer.json has them (family_NAME.json). families.json holds the
texts once and, for each family, the ids, those without special tokens in the text where they differ, and the
decoded text where it differs from the text. The SentencePiece families come from two models that
`sentencepiece` trains, converted as transformers does; sentencepiece.json holds these models' pieces and the
ids that `sentencepiece` itself gives.
"""

import io
import json
import sys
from pathlib import Path

import sentencepiece
import transformers.convert_slow_tokenizer  # noqa: F401
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import record_tokenizer as base

LLAMA = base.LLAMA
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def words(contraction, digits):
    prefix = r"[^\r\n\p{L}\p{N}]?"
    return (
        f"{prefix}{UPPER}*{LOWER}+{contraction}|{prefix}{UPPER}+{LOWER}*{contraction}|{digits}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


TEKKEN = words("", r"\p{N}")
O200K = words("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", r"\p{N}{1,3}")
DEEPSEEK3 = (
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
)
LETTERS = (
    "\\s?["
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ"
    "-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
    "]+"
)


EXTRA = [
    "▁", "▁▁", "a▁b", " ▁ ", "▁ a", "a ▁", "<s>", " <s> ", "a<s>b</s> c", "<s>Hello</s>", "</s>  \n x", "<unk>", "<0x0A>", "a<0x41>b",
    "[INST] hi [/INST] ok </s>", "[INST]hi[/INST]", "<start_of_turn>user\nhi<end_of_turn>\n", "<|user|>\nhi<|end|>\n<|assistant|>\n",
    "<|user|> \t\n  hi <|end|> there", "x <|end|>", "<|end|><|end|>  <|end|>", "\ufffd", "\u0000", "\u2581\u2581\u2581abc", "日本語のテキスト", "한국어 ▁ 텍스트",
    "word<mask>word", "a <mask> b", "<mask>", "é<mask>", "<mask>_", "(<mask>)", " <mask>", "1<mask>", "  a   b    c     d", "\n\n\n\n\na\n\nb",
    "HelloWorld helloWORLD HELLOworld iPhone XMLHttpRequest", "ÀÉÎõü ÑANDÚ ñandú", "ǅungla ǅ ǆ Ǆ", "ʰello ʰʰA Aʰ aʰb", "中A中aA中", "A中", "中文ABCdef", "!中A", "\u0301A",
    "\u0301a", " \u0301A", "e\u0301A e\u0301a", "ªº ªA", "don't DON'T Don'Ts it'S'S", "I'll'LL'd'D", "a/b//c/\n/d", "http://x.y/z\n/", "!!/\r\n/x", "+1a +a1 #tag @user $x", "a+b=c",
    "  \n", "x \n y", "x\u3000y", "x\u3000。y", "\u3000x", " 。", "、 x", "「引用」 です", "１２ ２０２４", "a1b2c3", "12345678", "١٢٣٤٥٦٧", "½1²", "x\u200b\u200by", "\x01\x02a", "a\x01b", "\x7f",
    "tab\t\tword", "a\u00adb", "\ue000", "\U000e0001tag", "a \r\n\r\n b", "trailing spaces   ", "x   \ny   \nz", "\x0bx", "x\x0b", "x \x0b\x0c", "ϵϷҁ Ωmega Ὦ", "ﬁne ﬆ", "ｈｅｌｌｏ　ｗｏｒｌｄ",
]


def texts():
    return list(dict.fromkeys(base.texts() + EXTRA))


def corpus():
    return (base.CODE + base.SCRIPTS + base.DIGITS + base.PROSE + base.APOSTROPHES + EXTRA[36:]) * 3


def byte_level(use_regex=False, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


PRE_TOKENIZERS = {
    "neox": [byte_level(use_regex=True)],
    "prefixed": [byte_level(use_regex=True, prefix=True)],
    "tekken": [split(TEKKEN), byte_level()],
    "o200k": [split(O200K), byte_level()],
    "olmo2": [split(LLAMA % r"\p{N}{1,3}", "removed", True), byte_level()],
    "r1qwen": [split(LLAMA % r"\p{N}"), byte_level()],
    "deepseek3": [split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3), byte_level()],
    "deepseekllm": [
        split("[\r\n]"), split(LETTERS), split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"),
        split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(individual_digits=True), byte_level(),
    ],
    "coder": [
        split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"),
        pre_tokenizers.Digits(individual_digits=False), byte_level(),
    ],
    "lines": [split(r"\s+$"), byte_level()],
}


def byte_level_family(name):
    tokenizer = Tokenizer(models.BPE(ignore_merges=name == "tekken"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(PRE_TOKENIZERS[name])
    tokenizer.decoder = decoders.ByteLevel()
    if name in ("neox", "prefixed"):
        tokenizer.normalizer = normalizers.NFC()
    elif name in ("r1qwen", "deepseek3"):
        tokenizer.normalizer = normalizers.Sequence([])
    trainer = trainers.BpeTrainer(
        vocab_size=640, special_tokens=["<|endoftext|>", "<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    if name == "neox":
        tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    if name == "prefixed":
        tokenizer.add_tokens([AddedToken("<mask>", single_word=True, normalized=False)])
    if name in ("r1qwen", "deepseek3", "tekken"):
        around = {"single": "<s> $A", "pair": "<s> $A <s> $B"}
        tokenizer.post_processor = processors.TemplateProcessing(
            **around, special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    if name == "o200k":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B",
            special_tokens=[(n, tokenizer.token_to_id(n)) for n in ("<s>", "</s>")])
    return tokenizer


def sentencepiece_model(name):
    symbols = ["[INST]", "[/INST]"] if name == "llama" else ["<start_of_turn>", "<end_of_turn>"]
    users = [] if name == "llama" else ["\n" * n for n in range(1, 5)] + ["▁" * n for n in range(2, 7)]
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in corpus() for line in text.split("\n") if line]), model_writer=out,
        model_type="bpe", vocab_size=1000, byte_fallback=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=name == "llama", split_digits=True, character_coverage=0.98,
        allow_whitespace_only_pieces=True, control_symbols=symbols, user_defined_symbols=users, minloglevel=2,
        pad_id=0 if name == "gemma" else -1, eos_id=1 if name == "gemma" else 2, bos_id=2 if name == "gemma" else 1,
        unk_id=3 if name == "gemma" else 0, max_sentencepiece_length=12,
    )
    return out.getvalue()


def sentencepiece_family(name, model):
    proto = model_pb2.ModelProto()
    proto.ParseFromString(model)
    vocab = {piece.piece: index for index, piece in enumerate(proto.pieces)}
    scores = {piece.piece: piece.score for piece in proto.pieces}
    kinds = {piece.piece: piece.type for piece in proto.pieces}
    convert = sys.modules["transformers.convert_slow_tokenizer"]
    merges = convert.generate_merges(vocab, scores, skip_tokens=[p for p, kind in kinds.items() if kind in (2, 3, 6)])
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    special = dict(normalized=False, special=True)
    for piece, kind in kinds.items():
        if kind in (2, 3):
            tokenizer.add_special_tokens([AddedToken(piece, **special)])
        elif kind == 4:
            tokenizer.add_tokens([AddedToken(piece, normalized=False)])
    fused = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if name in ("llama2", "phi3"):
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    elif name in ("mistral3", "split"):
        scheme = "first" if name == "mistral3" else "always"
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme=scheme, split=name == "split")
    else:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(fused + ([] if name == "gemma" else [decoders.Strip(" ", 1, 0)]))
    bos = "<bos>" if "<bos>" in vocab else "<s>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, vocab[bos])])
    if name == "phi3":
        tokenizer.add_special_tokens([
            AddedToken(piece, rstrip=piece != "<|endoftext|>", **special)
            for piece in ("<|endoftext|>", "<|assistant|>", "<|end|>", "<|user|>")])
        tokenizer.add_tokens([AddedToken("</s>", rstrip=True, normalized=False, special=False)])
    if name == "split":
        tokenizer.add_tokens([AddedToken("<mask>", single_word=True, lstrip=True, normalized=True), AddedToken("day", normalized=True)])
    return tokenizer


def without_fallback():
    """Characters without bytes: unknown ones in a row become one token."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    tokenizer.decoder = decoders.Sequence([decoders.Fuse()])
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>", "<s>"], show_progress=False, limit_alphabet=60)
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def record(tokenizer, all_texts):
    result = {"ids": [], "plain": {}, "decoded": {}, "around": tokenizer.encode("").ids}
    for index, text in enumerate(all_texts):
        tokenizer.encode_special_tokens = False
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        result["ids"].append(ids)
        if plain != ids:
            result["plain"][str(index)] = plain
        decoded = tokenizer.decode(ids, skip_special_tokens=False)
        if decoded != text:
            result["decoded"][str(index)] = decoded
    return result


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    folder = Path(sys.argv[1])
    all_texts = texts()
    spm = {name: sentencepiece_model(name) for name in ("llama", "gemma")}
    tokenizers = {name: byte_level_family(name) for name in PRE_TOKENIZERS}
    for name in ("llama2", "mistral3", "phi3", "split"):
        tokenizers[name] = sentencepiece_family(name, spm["llama"])
    tokenizers["gemma"] = sentencepiece_family("gemma", spm["gemma"])
    tokenizers["characters"] = without_fallback()
    families = {}
    for name, tokenizer in tokenizers.items():
        path = folder / f"family_{name}.json"
        path.write_text(compact(json.loads(tokenizer.to_str())), encoding="utf-8")
        families[name] = record(Tokenizer.from_file(str(path)), all_texts)
        print(name, path.stat().st_size, "bytes")
    rows = ",\n".join(f'"{name}":{compact(family)}' for name, family in families.items())
    (folder / "families.json").write_text(f'{{"texts":{compact(all_texts)},\n"families":{{\n{rows}}}}}\n', encoding="utf-8")
    models_ = {}
    for name, model in spm.items():
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        proto = model_pb2.ModelProto()
        proto.ParseFromString(model)
        models_[name] = {
            "pieces": [[piece.piece, piece.score, piece.type] for piece in proto.pieces],
            "bos": processor.bos_id(), "eos": processor.eos_id(),
            "ids": [processor.encode(text) for text in all_texts],
            "decoded": {str(i): t for i, text in enumerate(all_texts) if (t := processor.decode(processor.encode(text))) != text},
        }
        family = families["llama2" if name == "llama" else "gemma"]
        plain = [family["plain"].get(str(i), ids) for i, ids in enumerate(family["ids"])]
        other = [text for text, a, b in zip(all_texts, plain, models_[name]["ids"]) if a != b]
        print(name, "differs from its conversion in", len(other), "texts:", other[:20])
    (folder / "sentencepiece.json").write_text(compact(models_), encoding="utf-8")


if __name__ == "__main__":
    main()
