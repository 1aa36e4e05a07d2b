"""The peers at the work that Bathyscope is measured at; one piece of work in a process of its own.

usage: peers.py WORK PEER MODEL PROMPTS THREADS [--dtype float32] [--batch 16] [--steer FILE.f32] [--out FILE]

WORK  capture    all residual streams of all prompts, every token, to HDF5 in 32-bit floats (--out)
      generate   64 tokens for each prompt, greedy, a vector added after block 15 at every token
      first      loads the model and generates one token; the whole process is what counts
PEER  transformers, transformer_lens

Prints one JSON object. Times run from the loaded model and a first pass, which is not counted.
"""
import argparse
import json
import os
import time

arguments = argparse.ArgumentParser()
for name in ("work", "peer", "model", "prompts", "threads"):
    arguments.add_argument(name)
arguments.add_argument("--dtype", default="float32")
arguments.add_argument("--batch", type=int, default=16)
arguments.add_argument("--steer")
arguments.add_argument("--out")
options = arguments.parse_args()
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = options.threads
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import h5py
import numpy
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

NEW_TOKENS = 64
STEERED = 15
torch.set_num_threads(int(options.threads))
torch.set_grad_enabled(False)
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
dtype = getattr(torch, options.dtype)
tokenizer = AutoTokenizer.from_pretrained(options.model)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
versions = {"transformers": transformers.__version__, "torch": torch.__version__}
if options.peer == "transformers":
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype).eval()
    layers, width = model.config.num_hidden_layers, model.config.hidden_size
else:
    import importlib.metadata

    from transformer_lens.model_bridge import TransformerBridge

    model = TransformerBridge.boot_transformers(options.model, dtype=dtype, device="cpu")
    model.eval()
    layers, width = model.cfg.n_layers, model.cfg.d_model
    versions["transformer_lens"] = importlib.metadata.version("transformer_lens")
with open(options.prompts, encoding="utf-8") as file:
    rows = [json.loads(line) for line in file]


def residual_streams(ids):
    """The embedding and the residual stream after each block, the last one before the final norm."""
    if options.peer == "transformer_lens":
        first = "blocks.0.hook_resid_pre"
        names = [first] + [f"blocks.{layer}.hook_resid_post" for layer in range(layers)]
        wanted = set(names)
        _, cache = model.run_with_cache(
            ids, names_filter=lambda name: name in wanted, return_type=None)
        return [cache[name] for name in names]
    last = []
    handle = model.model.norm.register_forward_pre_hook(lambda module, inputs: last.append(inputs[0]))
    states = list(
        model.model(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states)
    handle.remove()
    states[-1] = last[0]
    return states


def capture(rows, path):
    """Captures every token; returns how many there are.

    Batches of like length, padded on the right: the mask of a causal model keeps padding from reaching
    any token, so none needs to be given.
    """
    ids = tokenizer([row["text"] for row in rows], add_special_tokens=False).input_ids
    order = sorted(range(len(rows)), key=lambda index: -len(ids[index]))
    count = sum(map(len, ids))
    with h5py.File(path, "w") as file:
        values = file.create_dataset("resid", (layers + 1, count, width), dtype="<f4")
        file.create_dataset("id", data=[rows[index]["id"] for index in order])
        file.create_dataset("length", data=[len(ids[index]) for index in order])
        start = 0
        for first in range(0, len(order), options.batch):
            batch = [ids[index] for index in order[first:first + options.batch]]
            padded = torch.full((len(batch), len(batch[0])), tokenizer.pad_token_id)
            mask = torch.zeros(padded.shape, dtype=torch.bool)
            for place, tokens in enumerate(batch):
                padded[place, :len(tokens)] = torch.tensor(tokens)
                mask[place, :len(tokens)] = True
            end = start + int(mask.sum())
            for layer, state in enumerate(residual_streams(padded)):
                values[layer, start:end] = state[mask].float().numpy()
            start = end
    return count


def generate(rows, new_tokens=NEW_TOKENS):
    """Generates for all rows, batch by batch; returns the new tokens of each row."""
    tokenizer.padding_side = "left"
    generated = []
    for first in range(0, len(rows), options.batch):
        texts = [row["text"] for row in rows[first:first + options.batch]]
        encoded = tokenizer(
            texts, padding=True, return_tensors="pt", add_special_tokens=False)
        if options.peer == "transformers":
            out = model.generate(
                **encoded, max_new_tokens=new_tokens, min_new_tokens=new_tokens, do_sample=False,
                pad_token_id=tokenizer.pad_token_id)
        else:
            out = model.generate(
                encoded.input_ids, max_new_tokens=new_tokens, do_sample=False, stop_at_eos=False,
                use_past_kv_cache=True, verbose=False, return_type="tokens")
        generated += out[:, encoded.input_ids.shape[1]:].tolist()
    return generated


def steered(work):
    """Runs work with the vector added after block 15."""
    vector = torch.from_numpy(numpy.fromfile(options.steer, "<f4")).to(dtype)
    if options.peer == "transformer_lens":
        with model.hooks(fwd_hooks=[
                (f"blocks.{STEERED}.hook_resid_post", lambda value, hook: value + vector)]):
            return work()

    def add(module, inputs, output):
        if isinstance(output, tuple):
            return (output[0] + vector,) + output[1:]
        return output + vector

    handle = model.model.layers[STEERED].register_forward_hook(add)
    result = work()
    handle.remove()
    return result


result = {"versions": versions}
if options.work == "capture":
    capture(rows[:32], options.out)
    begin = time.perf_counter()
    result["tokens"] = capture(rows, options.out)
elif options.work == "generate":
    steered(lambda: generate(rows[:options.batch], 4))
    begin = time.perf_counter()
    result["generated"] = steered(lambda: generate(rows))
    result["tokens"] = sum(map(len, result["generated"]))
else:
    begin = time.perf_counter()
    result["generated"] = generate(rows[:1], 1)
    result["tokens"] = 1
result["seconds"] = time.perf_counter() - begin
result["tokens_per_second"] = result["tokens"] / result["seconds"]
print(json.dumps(result))
