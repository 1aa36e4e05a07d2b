"""Record what Hugging Face transformers computes at every hook, for comparison with Bathyscope.

usage: record_reference.py MODEL_FOLDER SEQUENCES.json OUT.safetensors [--rows last] [--layers 0,14]
                           [--logits-stride 8] [--greedy 40]

SEQUENCES.json is a list of {"ids": [...]} rows or of plain lists of token ids. The file written
holds, for sequence i, tensors "i/<hook>" of [rows, width] under TransformerLens hook names, the
positions of the rows in "i/positions", the ids in "i/ids" and, if asked for, the greedy continuation
in "i/greedy", as floats too. Residual streams are kept for all layers; --layers thins out the other hooks.

Needs torch and transformers (CPU); fp32, eager attention, one thread.
"""
import argparse
import json

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

arguments = argparse.ArgumentParser()
arguments.add_argument("model")
arguments.add_argument("sequences")
arguments.add_argument("out")
arguments.add_argument("--rows", choices=["all", "last"], default="all")
arguments.add_argument("--layers", default="")
arguments.add_argument("--logits-stride", type=int, default=1)
arguments.add_argument("--greedy", type=int, default=0)
options = arguments.parse_args()

torch.set_num_threads(1)
torch.set_grad_enabled(False)
model = AutoModelForCausalLM.from_pretrained(
    options.model, dtype=torch.float32, attn_implementation="eager"
).eval()
sequences = [
    row["ids"] if isinstance(row, dict) else row for row in json.load(open(options.sequences))
]
layers = model.model.layers
kept = {int(x) for x in options.layers.split(",")} if options.layers else set(range(len(layers)))

seen = {}


def output(name):
    def hook(module, inputs, result):
        seen[name] = (result[0] if isinstance(result, tuple) else result)[0]

    return hook


def input_of(name):
    def hook(module, inputs):
        seen[name] = inputs[0][0]

    return hook


model.model.embed_tokens.register_forward_hook(output("hook_embed"))
model.model.norm.register_forward_hook(output("ln_final.hook_out"))
for index, layer in enumerate(layers):
    block = f"blocks.{index}."
    layer.register_forward_hook(output(block + "hook_resid_post"))
    layer.input_layernorm.register_forward_pre_hook(input_of(block + "hook_resid_pre"))
    layer.post_attention_layernorm.register_forward_pre_hook(input_of(block + "hook_resid_mid"))
    if index in kept:
        layer.self_attn.register_forward_hook(output(block + "hook_attn_out"))
        layer.self_attn.o_proj.register_forward_pre_hook(input_of(block + "attn.hook_z"))
        layer.mlp.register_forward_hook(output(block + "hook_mlp_out"))
        layer.mlp.down_proj.register_forward_pre_hook(input_of(block + "mlp.hook_post"))

tensors = {}
for index, ids in enumerate(sequences):
    seen.clear()
    result = model(torch.tensor([ids]), output_attentions=True, use_cache=False)
    for layer in kept:
        # [heads, query, key] -> [query, heads * key]
        pattern = result.attentions[layer][0].permute(1, 0, 2)
        seen[f"blocks.{layer}.attn.hook_pattern"] = pattern.reshape(len(ids), -1)
    logits = result.logits[0]
    seen["unembed.hook_out"] = logits[:, :: options.logits_stride]
    rows = list(range(len(ids))) if options.rows == "all" else [len(ids) - 1]
    for name, value in seen.items():
        if options.rows == "last" and name.endswith(("resid_pre", "resid_mid")):
            continue
        tensors[f"{index}/{name}"] = value[rows].float().contiguous().clone()
    tensors[f"{index}/positions"] = torch.tensor(rows, dtype=torch.float32)
    tensors[f"{index}/ids"] = torch.tensor(ids, dtype=torch.float32)
    if options.greedy:
        longer = list(ids)
        for _ in range(options.greedy):
            step = model(torch.tensor([longer]), use_cache=False).logits[0, -1]
            longer.append(int(step.argmax()))
        tensors[f"{index}/greedy"] = torch.tensor(longer[len(ids) :], dtype=torch.float32)
    print(index, len(ids), "tokens")

save_file(
    tensors, options.out, metadata={"logits_stride": str(options.logits_stride), "dtype": "float32"}
)
