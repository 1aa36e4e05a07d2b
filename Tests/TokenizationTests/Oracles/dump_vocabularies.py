"""Writes real vocabularies, with texts and the ids that transformers gives them, for one test of Tokenization.

    python dump_vocabularies.py FOLDER_OF_GGML_VOCAB_FILES OUTPUT_FOLDER

llama.cpp's sources hold such files (models/ggml-vocab-NAME.gguf, with .inp and .out beside them). They are too
large to commit: set BATHYSCOPE_TEST_VOCABULARIES to the output folder and the test finds them.
"""

import json
import sys
from pathlib import Path

from gguf import GGUFReader

NAMES = ["llama-spm", "phi-3", "llama-bpe", "qwen2", "deepseek-llm", "deepseek-coder", "gpt-2", "mpt", "starcoder", "refact"]


def main():
    for name in NAMES:
        path = Path(sys.argv[1]) / f"ggml-vocab-{name}.gguf"
        fields = GGUFReader(path).fields

        def value(key):
            field = fields.get("tokenizer.ggml." + key)
            return None if field is None else field.contents()

        texts = (path.parent / (path.name + ".inp")).read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
        rows = (path.parent / (path.name + ".out")).read_text().split("\n")
        pairs = [{"text": text, "ids": [int(i) for i in row.split()]} for text, row in zip(texts, rows)]
        result = {key: value(key) for key in ("model", "pre", "tokens", "token_type", "merges", "scores", "add_space_prefix")}
        (Path(sys.argv[2]) / f"{name}.json").write_text(json.dumps({**result, "cases": pairs}), encoding="utf-8")
        print(name, result["model"], result["pre"], len(result["tokens"]), len(pairs))


if __name__ == "__main__":
    main()
