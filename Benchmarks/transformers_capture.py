"""The peer: captures all residual streams with Hugging Face transformers into an HDF5 file.

usage: transformers_capture.py MODEL PROMPTS ACTS THREADS

Prints one JSON object. The time runs from the loaded model and a first pass over 32 prompts, which is
not counted, to the closed file, tokenisation included. Batches of 16 of like length, padded on the
right: the mask of a causal model keeps padding from reaching any token, so none needs to be given.
"""
import json
import os
import sys
import time

model_path, prompts_path, acts, threads = sys.argv[1:]
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = threads
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import h5py
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

BATCH = 16
torch.set_num_threads(int(threads))
torch.set_grad_enabled(False)
transformers.utils.logging.disable_progress_bar()
tokenizer = AutoTokenizer.from_pretrained(model_path)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
tokenizer.padding_side = "right"
model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32).eval()
LAYERS, WIDTH = model.config.num_hidden_layers, model.config.hidden_size


def residual_streams(ids):
    """The embedding and the residual stream after each block, the last one before the final norm."""
    last = []
    handle = model.model.norm.register_forward_pre_hook(lambda module, inputs: last.append(inputs[0]))
    states = list(
        model.model(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states)
    handle.remove()
    states[-1] = last[0]
    return states


def capture(rows, path):
    """Captures every token; returns how many there are."""
    ids = tokenizer([row["text"] for row in rows], add_special_tokens=False).input_ids
    order = sorted(range(len(rows)), key=lambda index: -len(ids[index]))
    count = sum(map(len, ids))
    with h5py.File(path, "w") as file:
        values = file.create_dataset("resid", (LAYERS + 1, count, WIDTH), dtype="<f4")
        file.create_dataset("id", data=[rows[index]["id"] for index in order])
        file.create_dataset("length", data=[len(ids[index]) for index in order])
        start = 0
        for first in range(0, len(order), BATCH):
            batch = [ids[index] for index in order[first:first + BATCH]]
            padded = torch.full((len(batch), len(batch[0])), tokenizer.pad_token_id)
            mask = torch.zeros(padded.shape, dtype=torch.bool)
            for place, tokens in enumerate(batch):
                padded[place, :len(tokens)] = torch.tensor(tokens)
                mask[place, :len(tokens)] = True
            end = start + int(mask.sum())
            for layer, state in enumerate(residual_streams(padded)):
                values[layer, start:end] = state[mask].numpy()
            start = end
    return count


with open(prompts_path, encoding="utf-8") as file:
    rows = [json.loads(line) for line in file]
capture(rows[:32], acts)
begin = time.perf_counter()
tokens = capture(rows, acts)
seconds = time.perf_counter() - begin
print(json.dumps({
    "tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds,
    "versions": {"transformers": transformers.__version__, "torch": torch.__version__}}))
