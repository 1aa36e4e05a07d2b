"""Writes a GGUF file as a Hugging Face folder in float32, with the same weights dequantised.

usage: make_checkpoint.py MODEL.gguf FOLDER
"""
import os
import sys

import gguf
import numpy
import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaForCausalLM

source, folder = sys.argv[1:]
home, name = os.path.split(os.path.abspath(source))

tokenizer = AutoTokenizer.from_pretrained(home, gguf_file=name)
# The converter knows byte-level BPE only; this family of models splits digits before it.
tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Digits(individual_digits=True),
    pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)])

# A model that was read from GGUF refuses to be saved, so its weights move into a fresh one.
loaded = AutoModelForCausalLM.from_pretrained(home, gguf_file=name, dtype=torch.float32)
configuration = loaded.config
if hasattr(configuration, "quantization_config"):
    del configuration.quantization_config
model = LlamaForCausalLM(configuration).eval().to(torch.float32)
model.load_state_dict(loaded.state_dict(), strict=True)
model.tie_weights()
model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=2)

tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(source).tensors}
for block in range(configuration.num_hidden_layers):
    tensor = tensors[f"blk.{block}.ffn_down.weight"]
    expected = numpy.array(gguf.dequantize(tensor.data, tensor.tensor_type))
    found = model.model.layers[block].mlp.down_proj.weight.detach().numpy()
    assert numpy.array_equal(found, expected), f"block {block} was not dequantised alike"
model.save_pretrained(folder)
tokenizer.save_pretrained(folder)
