"""Compare llama.cpp on the tiny GGUF files with the references recorded from transformers.

usage: check_tiny_gguf.py FOLDER/tiny-x.gguf...      (the reference is FOLDER/tiny-x/reference.safetensors)

Needs xllamacpp, which brings llama.cpp. Each file is run in a process of its own, and the log
probabilities of all next tokens after every recorded sequence are compared. llama.cpp looks GELU up
in a table of half precision, hence the two bounds, and it ignores the sliding window of Phi-3, of
which only sequences within the window are compared.
"""
import json
import os
import pathlib
import subprocess
import sys

import torch
from safetensors import safe_open

GELU = ("gemma2", "gemma3", "gpt2", "gpt-neox")


def log_probabilities(path, sequences):
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx = settings.n_batch = settings.n_ubatch = 64
    settings.n_parallel = settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.warmup = False
    settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    # Flash attention computes in half precision.
    settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = xllamacpp.Server(settings)
    for ids in sequences:
        result = server.handle_completions(
            {"prompt": ids, "n_predict": 1, "n_probs": 1000, "samplers": [], "cache_prompt": False})
        result = json.loads(result) if isinstance(result, str) else result
        first = result["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        yield {entry["id"]: entry["logprob"] for entry in first}


def check(path):
    bound = 3e-3 if path.stem.endswith(GELU) else 1e-5
    with safe_open(path.with_suffix("") / "reference.safetensors", "pt") as file:
        count = 2 if path.stem == "tiny-phi3" else 3
        sequences = [file.get_tensor(f"{i}/ids").long().tolist() for i in range(count)]
        logits = [file.get_tensor(f"{i}/unembed.hook_out")[-1] for i in range(count)]
    worst = 0
    for found, expected in zip(log_probabilities(path, sequences), logits):
        expected = expected.log_softmax(-1).tolist()
        assert len(found) == len(expected)
        worst = max(worst, *(abs(expected[token] - value) for token, value in found.items()))
    print(f"{path.stem}: off by {worst:.1g}, {'agrees' if worst < bound else 'DISAGREES'}", flush=True)
    # Its threads do not always end.
    os._exit(worst >= bound)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        check(pathlib.Path(sys.argv[1]))
    codes = [
        subprocess.run([sys.executable, __file__, path], stderr=subprocess.DEVNULL).returncode
        for path in sys.argv[1:]
    ]
    sys.exit(any(codes))
