"""Writes the seeds of the fuzzers from the golden files of the tests.

usage: seeds.py FOLDER
"""

import json
import pathlib
import shutil
import sys

tests = pathlib.Path(__file__).resolve().parent.parent / "Tests"
folder = pathlib.Path(sys.argv[1])


def golden(path):
    return json.loads((tests / path).read_text())


def seeds(parser, contents):
    target = folder / parser
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for number, content in enumerate(contents):
        (target / f"seed-{number}").write_bytes(content)


files = golden("CheckpointsTests/Golden/files.json")
whole = lambda kind: bytes.fromhex(files[kind]["file"])
seeds("gguf", [whole("gguf")])
tensor = '"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
header = '{"__metadata__":{"a":"b"},%s}' % tensor
seeds("safetensors", [
    whole("safetensors"),
    len(header).to_bytes(8, "little") + header.encode() + bytes(8),
])
config = (tests / "TransformerTests/Golden/tiny-llama/config.json").read_bytes()
index = {"metadata": {}, "weight_map": {
    "tensor.a": "a.safetensors", "tensor.b": "b.safetensors"}}
seeds("folder", [
    config + b"\0" + json.dumps(index).encode(), b"{}\0" + json.dumps(index).encode()])


def tokenizer(content):
    """The recorded tokenizer with few entries: small inputs are mutated better and faster."""
    model = content["model"]
    merges, whole = model["merges"][:8], model["vocab"]
    parts = [m if isinstance(m, list) else m.split(" ") for m in merges]
    wanted = {w for left, right in parts for w in (left, right, left + right)}
    others = [t for t in whole if len(t) == 1 or t.startswith("<0x0")][:20]
    model["vocab"] = {t: i for t, i in whole.items() if t in wanted or t in others}
    model["merges"] = merges
    content["added_tokens"] = content["added_tokens"][:3]
    text = json.dumps(content)
    model["vocab"] |= {t: i for t, i in whole.items() if len(t) > 2 and json.dumps(t) in text}
    return json.dumps(content, ensure_ascii=False).encode()


folders = tests / "TokenizationTests/Golden"
files = [*folders.glob("tokenizer_*.json"), *folders.glob("family_*.json")]
contents = [json.loads(path.read_text()) for path in sorted(files)]
seeds("tokenizer", [tokenizer(c) for c in contents if isinstance(c, dict) and "model" in c])
chats = golden("PromptsTests/Golden/templates-chat.json")["templates"].values()
snippets = golden("JinjaTests/Golden/templates.json")["snippets"]
seeds("jinja", [
    t.encode() for t in [*chats, *(s["template"] for s in snippets)] if len(t) < 4096])
