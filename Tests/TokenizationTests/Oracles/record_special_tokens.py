"""Records what AutoTokenizer makes of the files beside tokenizer.json, over grids of their fields.

    python record_special_tokens.py record VERSION.json      # once with each version of transformers
    python record_special_tokens.py merge OLD.json NEW.json OUTPUT.json

Recorded with transformers 4.57.3 (tokenizers 0.22.2) and 5.24.0 (tokenizers 0.23.3). A cell names the parts of
a folder: one of two small tokenizers that are written out here, what differs from it, the fields of the other
files, and the result of both versions, or of each where they differ, in the list of results: the ids of the
grid's texts, and of a chat with its text; null where a version refuses to load.
"""

import itertools
import json
import logging
import os
import sys
import tempfile
from pathlib import Path

FOX = "the fox"
CHAT = [{"role": "user", "content": "  the fox "}]


def token(id, content, **flags):
    base = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return {"id": id, "content": content, **base, **flags}


def bytes_to_letters():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {}, 0
    for byte in range(256):
        table[byte] = chr(byte) if byte in plain else chr(256 + extra)
        extra += byte not in plain
    return table


def model(first, merges, **settings):
    vocab = {piece: id for id, piece in enumerate(first)}
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    base = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None)
    return {**base, "fuse_unk": False, "byte_fallback": False, **settings, "vocab": vocab, "merges": [list(m) for m in merges]}


NAMES = ["<unk>", "<s>", "</s>", "<|user|>"]
BYTES = [tuple(m.split()) for m in "t h|th e|o x|f ox|Ġ th|Ġth e|Ġ fox|b o|bo t|Ġ Ġ".split("|")]
PIECES = [tuple(m.split()) for m in "t h|th e|o x|f ox|▁ the|▁ fox|b o|bo t|▁ ▁".split("|")]
LETTERS = [chr(c) for c in range(97, 123)] + ["▁", "|", "<", ">", "/", "[", "]", "1", "2"]
ADDED = [token(id, name) for id, name in enumerate(NAMES)]
SPACES = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
REPLACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
BASES = {
    "bytes": {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": ADDED, "normalizer": None,
        "pre_tokenizer": {**SPACES, "add_prefix_space": False}, "post_processor": None,
        "decoder": {**SPACES, "add_prefix_space": True}, "model": model(NAMES + list(bytes_to_letters().values()), BYTES),
    },
    "pieces": {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": ADDED, "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [REPLACE, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": model(NAMES + [f"<0x{b:02X}>" for b in range(256)] + LETTERS, PIECES, unk_token="<unk>", fuse_unk=True, byte_fallback=True),
    },
}


def template_processing(bos, eos):
    def piece(id):
        return {"SpecialToken": {"id": id, "type_id": 0}}

    def text(id, kind):
        return {"Sequence": {"id": id, "type_id": kind}}

    names = (["<s>"] if bos else []) + (["</s>"] if eos else [])
    before, after = [piece("<s>")] * bos, [piece("</s>")] * eos
    return {
        "type": "TemplateProcessing", "single": before + [text("A", 0)] + after,
        "pair": before + [text("A", 0)] + after + [text("B", 1)],
        "special_tokens": {n: {"id": n, "ids": [NAMES.index(n)], "tokens": [n]} for n in names},
    }


BYTE_LEVEL = {**SPACES, "add_prefix_space": True, "trim_offsets": False}
PARTS = {
    "post none": None, "post bos": template_processing(True, False), "post eos": template_processing(False, True),
    "post both": template_processing(True, True), "post bytes": BYTE_LEVEL,
    "post sequence": {"type": "Sequence", "processors": [BYTE_LEVEL, template_processing(True, False)]},
    "pre bytes false": {**SPACES, "add_prefix_space": False}, "pre bytes true": {**SPACES, "add_prefix_space": True},
    **{
        f"pre digits {str(flag).lower()}": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, {**SPACES, "add_prefix_space": flag}]}
        for flag in (False, True)
    },
    **{f"pre pieces {scheme}": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": False} for scheme in ("always", "first", "never")},
}
ROLES = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<unk>")
CLASSES = [
    ("bytes", "PreTrainedTokenizerFast"), ("bytes", "TokenizersBackend"), ("bytes", "GPT2Tokenizer"), ("bytes", "GPT2TokenizerFast"),
    ("bytes", "Qwen2Tokenizer"), ("bytes", "GPTNeoXTokenizerFast"), ("bytes", "CohereTokenizerFast"), ("bytes", "LlamaTokenizerFast"),
    ("bytes", None), ("pieces", "LlamaTokenizer"), ("pieces", "LlamaTokenizerFast"), ("pieces", "CodeLlamaTokenizer"),
    ("pieces", "GemmaTokenizer"), ("pieces", "PreTrainedTokenizerFast"), ("pieces", None),
]
CORE = ["PreTrainedTokenizerFast", "GPT2Tokenizer", "Qwen2Tokenizer", "LlamaTokenizer", "GemmaTokenizer", None]
MODEL_TYPES = ["llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3_text", "gpt_neox", "gpt2", "olmo2", "phi3", "mixtral", "qwen3_moe"]


def cell(grid, base, kind, config, model_type="llama", **parts):
    config = {**({"tokenizer_class": kind} if kind else {}), **config}
    return {"grid": grid, "base": base, "model_type": model_type, "config": config, **parts}


def flags():
    choices = [None, False, True]
    posts = [name for name in PARTS if name.startswith("post")]
    for (base, kind), post, bos, eos in itertools.product(CLASSES, posts, choices, choices):
        said = {name: value for name, value in (("add_bos_token", bos), ("add_eos_token", eos)) if value is not None}
        yield cell("flags", base, kind, said, post=post, common="roles")
    for (base, kind), model_type, bos, post in itertools.product(CLASSES, MODEL_TYPES[1:], choices[1:], ["post none", "post bos"]):
        if kind not in CORE + ["GPTNeoXTokenizerFast", "CodeLlamaTokenizer"]:
            continue
        yield cell("flags", base, kind, {} if bos is None else {"add_bos_token": bos}, model_type, post=post, common="roles")


def prefix_spaces():
    for (base, kind), said, model_type in itertools.product(CLASSES, [None, False, True], ["llama", "qwen2", "gpt_neox"]):
        for pre in [name for name in PARTS if name.startswith("pre") and ("pieces" in name) == (base == "pieces")]:
            config = {} if said is None else {"add_prefix_space": said}
            yield cell("prefix", base, kind, config, model_type, pre=pre, common="roles")


TEMPLATE = "{{ bos_token }}{% for m in messages %}<|user|>{{ m.content }}</s>{% endfor %} <|bot|> "
COMMON = {"roles": ROLES, "chat": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": TEMPLATE}}
WORDS = ["a <|bot|> the", "a<|bot|>the fox", "<|user|> \n the", "THE<|bot|>", "<|bot|>_"]


def special_tokens():
    """Each place that can name a token, with each flag, for a token that tokenizer.json has, has otherwise, or lacks."""
    flags = [{}, {"lstrip": True}, {"rstrip": True}, {"single_word": True}, {"normalized": True}, {"special": False}, {"special": False, "normalized": True}]
    known = [None, {}, {"lstrip": True}, {"rstrip": True}, {"normalized": True}, {"special": False}, {"special": False, "normalized": True}, {"single_word": True}]
    for kind, old, new in itertools.product(["PreTrainedTokenizerFast", "GPT2Tokenizer"], known, flags):
        if kind == "GPT2Tokenizer" and old and new:
            continue
        size = len(BASES["bytes"]["model"]["vocab"])
        added = [] if old is None else [token(size, "<|bot|>", **old)]
        full = token(0, "<|bot|>", **new)
        del full["id"]
        loose = {"content": "<|bot|>", **new}
        marked = {"__type": "AddedToken", **full}
        rest = {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in ADDED}
        places = [
            dict(config={"added_tokens_decoder": {**rest, str(size): full}}),
            dict(config={"added_tokens_decoder": {str(size): full}}),
            dict(config={"added_tokens_decoder": {str(size): loose}}),
            dict(config={"additional_special_tokens": [marked]}), dict(config={"extra_special_tokens": [marked]}),
            dict(config={"extra_special_tokens": {"bot_token": marked}}), dict(config={"mask_token": marked}),
            dict(config={}, special_tokens_map={"additional_special_tokens": [full]}),
            dict(config={}, special_tokens_map={"cls_token": full}),
        ]
        if not new:
            places += [
                dict(config={"additional_special_tokens": ["<|bot|>"]}), dict(config={"extra_special_tokens": ["<|bot|>"]}),
                dict(config={"extra_special_tokens": {"bot_token": "<|bot|>"}}), dict(config={"sep_token": "<|bot|>"}), dict(config={"bot_token": "<|bot|>"}),
                dict(config={}, special_tokens_map={"additional_special_tokens": ["<|bot|>"]}), dict(config={}, special_tokens_map={"extra_special_tokens": ["<|bot|>"]}),
                dict(config={}, special_tokens_map={"sep_token": "<|bot|>"}), dict(config={}, added_tokens={"<|bot|>": size}),
                dict(config={"sep_token": "<|bot|>"}, added_tokens={"<|bot|>": size}), dict(config={}, added_tokens={"<|bot|>": size + 7}),
                dict(config={"added_tokens_decoder": {str(size + 7): full}}), dict(config={"added_tokens_decoder": {"3": full}}),
                dict(config={"added_tokens_decoder": {"3": {**rest["3"], "rstrip": True}}}),
                dict(config={"added_tokens_decoder": {"3": {**rest["3"], "rstrip": True}}}, special_tokens_map={"sep_token": "<|bot|>"}),
                dict(config={"additional_special_tokens": ["<|bot|>", "<|b|>", "<|e|>"], "sep_token": "<|c|>"}, special_tokens_map={"additional_special_tokens": ["<|d|>", "<|bot|>"]}),
                dict(config={"additional_special_tokens": ["<|b|>"], "extra_special_tokens": ["<|bot|>"]}),
                dict(config={"sep_token": "<|b|>"}, special_tokens_map={"sep_token": "<|bot|>", "mask_token": full}),
            ]
        for place in places:
            yield cell("special", "bytes", kind, place.pop("config"), added=added, common="chat", **place)


SLOTS = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token", "bot_token"]


def roles():
    """Each named slot in each place, rendered by a template."""
    full = {k: v for k, v in token(0, "<|user|>").items() if k != "id"}
    for (base, kind), slot in itertools.product(CLASSES, SLOTS):
        template = "{{ " + slot + " }}.{{ bos_token }}{% for m in messages %}<|user|>{{ m.content }}{% endfor %}"
        said = {"chat_template": template}
        yield cell("roles", base, kind, {**said, slot: "<|user|>"})
        yield cell("roles", base, kind, said)
        if kind not in CORE:
            continue
        for value in ["<|new|>", {"__type": "AddedToken", **full}, None]:
            yield cell("roles", base, kind, {**said, slot: value})
        for value in ["<|user|>", full]:
            yield cell("roles", base, kind, said, special_tokens_map={slot: value})
        yield cell("roles", base, kind, {**said, slot: "</s>"}, special_tokens_map={slot: "<|user|>"})
        yield cell("roles", base, kind, {**said, "added_tokens_decoder": {"3": full}}, special_tokens_map={slot: "<|user|>"})


def numbers():
    """Ids in tokenizer.json that are not those of the next tokens."""
    for missing in [4, 6, 300]:
        yield cell("numbers", "bytes", "PreTrainedTokenizerFast", {}, added=[token(266 + missing, "<|bot|>"), token(271, "<|b|>")])


TEXTS = {
    "flags": [FOX], "prefix": [FOX, " the fox", "<|user|>the 12", "12<s> the"], "special": WORDS, "roles": [FOX],
    "numbers": ["a<|bot|>", "<|b|>"],
}
GRIDS = [flags, prefix_spaces, special_tokens, roles, numbers]


def folder(cell, path):
    tokenizer = dict(BASES[cell["base"]])
    if "post" in cell:
        tokenizer["post_processor"] = PARTS[cell["post"]]
    if "pre" in cell:
        tokenizer["pre_tokenizer"] = PARTS[cell["pre"]]
    tokenizer["added_tokens"] = ADDED + cell.get("added", [])
    config = {**COMMON.get(cell.get("common"), {}), **cell["config"]}
    files = {"tokenizer.json": tokenizer, "tokenizer_config.json": config, "config.json": {"model_type": cell["model_type"]}}
    for name in ("special_tokens_map", "added_tokens"):
        if name in cell:
            files[f"{name}.json"] = cell[name]
    for name, content in files.items():
        Path(path, name).write_text(json.dumps(content))


def result(cell):
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as path:
        folder(cell, path)
        try:
            tokenizer = AutoTokenizer.from_pretrained(path)
        except Exception as error:
            if "-v" in sys.argv:
                print(cell, type(error), str(error)[:200])
            return None
        found = {"ids": [tokenizer(text)["input_ids"] for text in TEXTS[cell["grid"]]]}
        if cell["grid"] in ("special", "roles"):
            try:
                found["chat"] = tokenizer.apply_chat_template(CHAT, return_dict=False)
                found["text"] = tokenizer.apply_chat_template(CHAT, tokenize=False)
            except Exception:
                found["chat"] = None
        return found


def record(output):
    import transformers

    transformers.logging.set_verbosity_error()
    results = [result(cell) for grid in GRIDS for cell in grid()]
    Path(output).write_text(json.dumps({"version": transformers.__version__, "results": results}))


def merge(old, new, output):
    old, new = json.loads(Path(old).read_text()), json.loads(Path(new).read_text())
    cells = [cell for grid in GRIDS for cell in grid()]
    counts, results = {}, []
    for cell, first, second in zip(cells, old["results"], new["results"], strict=True):
        count = counts.setdefault(cell["grid"], [0, 0])
        count[first != second] += 1
        for result in (first, second):
            if result not in results:
                results.append(result)
        first, second = results.index(first), results.index(second)
        cell.update({"both": first} if first == second else {"old": first, "new": second})
    print({name: {"agree": agree, "differ": differ} for name, (agree, differ) in counts.items()})
    compact = dict(ensure_ascii=False, separators=(",", ":"))
    lines = ",\n".join(json.dumps(cell, **compact) for cell in cells)
    head = json.dumps({"versions": [old["version"], new["version"]], "bases": BASES, "parts": PARTS, "common": COMMON, "texts": TEXTS, "chat": CHAT, "results": results}, **compact)
    Path(output).write_text(f'{head[:-1]},"cells":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    logging.disable(logging.WARNING)
    {"record": record, "merge": merge}[sys.argv[1]](*[a for a in sys.argv[2:] if a != "-v"])
