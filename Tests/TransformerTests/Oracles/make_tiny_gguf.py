"""Write the tiny models as F32 GGUF files in llama.cpp's conventions.

usage: make_tiny_gguf.py FOLDER [NAME...]      (reads FOLDER/NAME, writes FOLDER/NAME.gguf)

A file holds the same model as its folder, so that the folder's reference is its reference too. Each
is loaded by transformers, where that can read its architecture, and compared with the folder;
check_tiny_gguf.py compares it with llama.cpp.

What the format changes: dimensions are reversed; q and k rows of the Llama architecture are permuted
for interleaved rotary embedding, of which head rows r and r + dHead/2 become neighbours; Gemma's
norms are stored as 1 + weight; GPT-2's Conv1D weights are transposed; GPT-NeoX's fused rows per head
become q, then k, then v; experts are stacked to [experts, out, in]; llama3's rotary scaling becomes
a tensor of factors that frequencies are divided by. The scale of Gemma's queries has no key, being
1 / sqrt(dHead) in the files: where query_pre_attn_scalar differs from dHead, queries are rescaled.
"""
import json
import math
import pathlib
import re
import sys

import gguf
import numpy
import torch
import transformers
from safetensors.numpy import load_file

from record_gradients import reference

transformers.utils.logging.disable_progress_bar()
ARCHITECTURES = {
    "llama": "llama", "mixtral": "llama", "qwen2": "qwen2", "qwen3": "qwen3",
    "qwen3_moe": "qwen3moe", "gemma2": "gemma2", "gemma3_text": "gemma3", "phi3": "phi3",
    "olmo2": "olmo2", "gpt2": "gpt2", "gpt_neox": "gptneox",
}
# Those that transformers reads from GGUF.
READABLE = ("llama", "qwen2", "qwen3", "qwen3_moe", "gemma2", "gemma3_text", "phi3", "gpt2")
NAMES = (
    "tiny-llama-llama3", "tiny-llama-linear", "tiny-llama-yarn", "tiny-mixtral", "tiny-qwen2",
    "tiny-qwen3", "tiny-qwen3-moe", "tiny-gemma2", "tiny-gemma3", "tiny-phi3", "tiny-olmo2",
    "tiny-gpt2", "tiny-gpt-neox",
)


def permuted(rows, heads):
    """Rows of rotary halves as neighbours: 0, half, 1, half + 1, ..."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, -1).swapaxes(1, 2).reshape(rows.shape)


class Converter:
    def __init__(self, folder):
        self.folder = folder
        self.config = transformers.AutoConfig.from_pretrained(folder)
        self.kind = self.config.model_type
        self.architecture = ARCHITECTURES[self.kind]
        self.heads = self.config.num_attention_heads
        self.kv_heads = getattr(self.config, "num_key_value_heads", self.heads)
        width = self.config.hidden_size // self.heads
        self.head_width = getattr(self.config, "head_dim", None) or width
        number = {name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}[self.architecture]
        self.names = gguf.get_tensor_name_map(number, self.config.num_hidden_layers)

    def tensors(self):
        """Pairs of names and values as the file holds them."""
        stored = {}
        for path in sorted(self.folder.glob("model*.safetensors")):
            stored |= load_file(path)
        experts = {}
        for name, value in stored.items():
            match = re.fullmatch(r"(.*\.experts)\.(\d+)\.(\w+)\.weight", name)
            if match:
                stack = experts.setdefault(f"{match[1]}.{match[3]}", {})
                stack[int(match[2])] = value
                continue
            base, _, suffix = name.rpartition(".")
            yield f"{self.name(base)}.{suffix}", self.value(name, value)
        for name, stack in experts.items():
            yield self.name(name) + ".weight", numpy.stack([stack[i] for i in range(len(stack))])
        rope = self.rotary()
        if rope.get("rope_type") == "llama3":
            yield "rope_freqs.weight", self.factors(rope)

    def name(self, base):
        found = self.names.get_name(base)
        assert found, base
        return found

    def value(self, name, value):
        is_query, is_key = ".q_proj." in name, ".k_proj." in name
        if self.kind in ("llama", "mixtral") and (is_query or is_key):
            value = permuted(value, self.heads if is_query else self.kv_heads)
        if self.kind.startswith("gemma"):
            if name.endswith("norm.weight"):
                value = value + 1
            scaled = ".q_proj." if self.kind == "gemma2" else ".q_norm."
            if scaled in name:
                value = value * math.sqrt(self.head_width / self.config.query_pre_attn_scalar)
        if self.kind == "gpt2" and re.search(r"\.c_\w+\.weight", name):
            value = value.T
        if ".query_key_value." in name:
            per_head = value.reshape(self.heads, 3, self.head_width, -1)
            value = per_head.swapaxes(0, 1).reshape(value.shape)
        return numpy.ascontiguousarray(value, dtype=numpy.float32)

    def factors(self, rope):
        low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
        high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
        factors = []
        for index in range(0, self.head_width, 2):
            length = 2 * math.pi * rope["rope_theta"] ** (index / self.head_width)
            if length < high:
                factors.append(1)
            elif length > low:
                factors.append(rope["factor"])
            else:
                smooth = rope["original_max_position_embeddings"] / length - rope["low_freq_factor"]
                smooth /= rope["high_freq_factor"] - rope["low_freq_factor"]
                factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
        return numpy.array(factors, dtype=numpy.float32)

    def rotary(self):
        rope = getattr(self.config, "rope_parameters", None) or {}
        return rope.get("full_attention", rope)

    def write(self, path):
        writer = gguf.GGUFWriter(path, self.architecture)
        self.add_settings(writer)
        self.add_tokenizer(writer)
        for name, value in self.tensors():
            writer.add_tensor(name, value)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def add_settings(self, writer):
        config = self.config
        # Of some names llama.cpp asks that the vocabulary has certain tokens.
        writer.add_name("tiny")
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        writer.add_vocab_size(config.vocab_size)
        writer.add_context_length(config.max_position_embeddings)
        writer.add_embedding_length(config.hidden_size)
        writer.add_block_count(config.num_hidden_layers)
        inner = config.n_inner if self.kind == "gpt2" else config.intermediate_size
        writer.add_feed_forward_length(inner)
        writer.add_head_count(self.heads)
        if self.kind in ("gpt2", "gpt_neox"):
            old = self.kind == "gpt2"
            writer.add_layer_norm_eps(config.layer_norm_epsilon if old else config.layer_norm_eps)
        else:
            writer.add_head_count_kv(self.kv_heads)
            writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        if self.kind == "gpt_neox":
            writer.add_parallel_residual(config.use_parallel_residual)
        if getattr(config, "head_dim", None):
            writer.add_key_length(self.head_width)
            writer.add_value_length(self.head_width)
        self.add_rotary(writer)
        window = getattr(config, "sliding_window", None)
        if window and self.kind in ("gemma2", "gemma3_text", "phi3"):
            writer.add_sliding_window(window)
        if self.kind == "gemma3_text":
            # Newer than most files, which leave both at 6 and 10000.
            writer.add_sliding_window_pattern(config.layer_types.index("full_attention") + 1)
            writer.add_rope_freq_base_swa(config.rope_parameters["sliding_attention"]["rope_theta"])
        if self.kind == "gemma2":
            writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
            writer.add_final_logit_softcapping(config.final_logit_softcapping)
        experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
        if experts:
            writer.add_expert_count(experts)
            writer.add_expert_used_count(config.num_experts_per_tok)
        if self.kind == "qwen3_moe":
            writer.add_expert_feed_forward_length(config.moe_intermediate_size)

    def add_rotary(self, writer):
        rope = self.rotary()
        if not rope:
            return
        if self.kind in ("llama", "mixtral", "phi3", "gpt_neox"):
            share = rope.get("partial_rotary_factor", 1)
            writer.add_rope_dimension_count(int(self.head_width * share))
        if self.kind != "gpt_neox":
            writer.add_rope_freq_base(rope["rope_theta"])
        if rope["rope_type"] == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rope["factor"])
        elif rope["rope_type"] == "yarn":
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(rope["factor"])
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])

    def add_tokenizer(self, writer):
        """One token for each of the first printable characters, and one merge: a vocabulary."""
        tokens = [chr(33 + index) for index in range(self.config.vocab_size - 1)]
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(tokens + [tokens[0] + tokens[1]])
        writer.add_token_types([gguf.TokenType.NORMAL] * self.config.vocab_size)
        writer.add_token_merges([f"{tokens[0]} {tokens[1]}"])
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(0)
        writer.add_add_bos_token(False)


@torch.no_grad()
def check(folder, path):
    """Compares the file as transformers reads it with the folder."""
    config = transformers.AutoConfig.from_pretrained(folder)
    if config.model_type not in READABLE:
        return "transformers cannot read it"
    if config.model_type.startswith("gemma"):
        config.query_pre_attn_scalar = config.head_dim
    loaded = reference.load(path.parent, gguf_file=path.name, config=config)
    ids = torch.arange(29)[None]
    expected = reference.load(folder)(ids).logits
    difference = (loaded(ids).logits - expected).abs().max() / expected.abs().max()
    assert difference < 2e-6, (path, float(difference))
    return f"off by {float(difference):.1g} in transformers"


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or NAMES:
        path = folder / f"{name}.gguf"
        Converter(folder / name).write(path)
        print(name, path.stat().st_size, "bytes,", check(folder / name, path))


if __name__ == "__main__":
    main()
