"""Make tiny random models, small enough to commit, and record their references and gradients.

usage: make_tiny_models.py FOLDER [NAME...]      (writes FOLDER/NAME for all or the named models)

Sizes are odd on purpose, and every norm and bias is random, so that a parameter that is mixed up,
transposed or left out changes numbers. A model whose name stands in OLD_STYLE has the config.json
that published checkpoints of its family have, instead of the one that transformers 5 writes; it is
read back by transformers before it is recorded. The other one is kept as config.transformers5.json.
"""
import json
import pathlib
import shutil
import sys
import tempfile

import torch
import transformers

import record_gradients

transformers.utils.logging.disable_progress_bar()
LENGTHS = [1, 5, 13]

HEADS = dict(num_attention_heads=4, num_key_value_heads=2)
SMALL = dict(
    vocab_size=61, hidden_size=24, intermediate_size=37, num_hidden_layers=2,
    max_position_embeddings=128, initializer_range=0.2, bos_token_id=None, eos_token_id=None,
    pad_token_id=None, **HEADS,
)


def small(**settings):
    return {**SMALL, **settings}


# name: family, settings, whether gradients are recorded
MODELS = {
    # Three query heads for each key/value head, a head width that is no multiple of 16.
    "tiny-llama": ("Llama", dict(
        vocab_size=97, num_hidden_layers=3, max_position_embeddings=128, rms_norm_eps=1e-5,
        initializer_range=0.2, hidden_size=36, num_attention_heads=6, num_key_value_heads=2,
        head_dim=6, intermediate_size=52, tie_word_embeddings=False, rope_theta=500.0,
    ), True),
    # Biases everywhere, tied embeddings, heads wider than dModel / heads.
    "tiny-llama-bias": ("Llama", dict(
        vocab_size=97, num_hidden_layers=3, max_position_embeddings=128, rms_norm_eps=1e-5,
        initializer_range=0.2, hidden_size=32, num_attention_heads=4, num_key_value_heads=4,
        head_dim=20, intermediate_size=48, tie_word_embeddings=True, attention_bias=True,
        mlp_bias=True,
    ), False),
    # Wavelengths on either side of both bounds and between them.
    "tiny-llama-llama3": ("Llama", small(
        head_dim=12, rope_parameters=dict(
            rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0,
            high_freq_factor=4.0, original_max_position_embeddings=64),
    ), False),
    "tiny-llama-linear": ("Llama", small(
        rope_parameters=dict(rope_type="linear", rope_theta=300.0, factor=4.0),
    ), False),
    # The ramp crosses the frequencies; the attention factor follows from the factor.
    "tiny-llama-yarn": ("Llama", small(
        head_dim=16, max_position_embeddings=256, rope_parameters=dict(
            rope_type="yarn", rope_theta=200.0, factor=4.0, original_max_position_embeddings=64),
    ), False),
    # The same with every optional setting.
    "tiny-qwen3-yarn": ("Qwen3", small(
        head_dim=16, max_position_embeddings=256, rope_parameters=dict(
            rope_type="yarn", rope_theta=200.0, factor=4.0, original_max_position_embeddings=64,
            beta_fast=8.0, beta_slow=2.0, attention_factor=0.8, truncate=False),
    ), False),
    "tiny-gpt2": ("GPT2", dict(
        vocab_size=61, n_positions=40, n_embd=24, n_layer=3, n_head=3, n_inner=37,
        initializer_range=0.2, bos_token_id=None, eos_token_id=None,
    ), True),
    "tiny-gpt-neox": ("GPTNeoX", dict(
        vocab_size=61, hidden_size=32, num_attention_heads=2, num_hidden_layers=2,
        intermediate_size=37, max_position_embeddings=128, initializer_range=0.2,
        bos_token_id=None, eos_token_id=None, rotary_pct=0.25, use_parallel_residual=True,
    ), True),
    "tiny-gpt-neox-sequential": ("GPTNeoX", dict(
        vocab_size=61, hidden_size=32, num_attention_heads=4, num_hidden_layers=2,
        intermediate_size=37, max_position_embeddings=128, initializer_range=0.2,
        bos_token_id=None, eos_token_id=None, rotary_pct=0.25, use_parallel_residual=False,
        rotary_emb_base=500,
    ), False),
    # The window is smaller than the sequences.
    "tiny-mistral": ("Mistral", small(head_dim=10, sliding_window=5), True),
    "tiny-qwen2": ("Qwen2", small(use_sliding_window=False, sliding_window=4), True),
    # Tied, and a window in the last layer only.
    "tiny-qwen2-tied": ("Qwen2", small(
        num_hidden_layers=3, tie_word_embeddings=True, use_sliding_window=True, sliding_window=4,
        max_window_layers=2,
    ), False),
    "tiny-qwen3": ("Qwen3", small(head_dim=10, rope_theta=1000.0), True),
    # A window that soft-capped logits see in layers 0 and 2; scores are not scaled by the width.
    "tiny-gemma2": ("Gemma2", small(
        num_hidden_layers=3, head_dim=10, query_pre_attn_scalar=7, sliding_window=5,
        attn_logit_softcapping=2.0, final_logit_softcapping=3.0, rope_theta=300.0,
    ), True),
    # Layer 1 is global, with rotary embeddings of its own; the others have the window.
    "tiny-gemma3": ("Gemma3Text", small(
        head_dim=12, num_hidden_layers=3, query_pre_attn_scalar=7, sliding_window=5,
        sliding_window_pattern=2, rope_parameters=dict(
            full_attention=dict(rope_type="linear", factor=8.0, rope_theta=5000.0),
            sliding_attention=dict(rope_type="default", rope_theta=100.0)),
    ), True),
    "tiny-phi3": ("Phi3", small(sliding_window=5), True),
    "tiny-phi3-partial": ("Phi3", small(
        num_attention_heads=3, num_key_value_heads=1,
        partial_rotary_factor=0.5, tie_word_embeddings=True,
    ), False),
    "tiny-olmo2": ("Olmo2", small(rope_theta=1000.0), True),
    "tiny-qwen3-moe": ("Qwen3Moe", small(
        head_dim=10, moe_intermediate_size=11, num_experts=5,
        num_experts_per_tok=2, norm_topk_prob=True,
    ), True),
    # Layer 1 is a mixture; 0 and 2 are dense by the step, 3 by its name.
    "tiny-qwen3-moe-mixed": ("Qwen3Moe", small(
        num_hidden_layers=4, head_dim=6, intermediate_size=19, moe_intermediate_size=11,
        num_experts=4, num_experts_per_tok=3, norm_topk_prob=False, decoder_sparse_step=2,
        mlp_only_layers=[3],
    ), False),
    "tiny-mixtral": ("Mixtral", small(
        intermediate_size=19, num_local_experts=4, num_experts_per_tok=2,
    ), True),
}
SHARDED = {"tiny-qwen3": "16KB"}
OLD_STYLE = {
    "tiny-llama-llama3": dict(rope_theta=10000.0, rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=64)),
    "tiny-llama-linear": dict(rope_theta=300.0, rope_scaling=dict(type="linear", factor=4.0)),
    "tiny-gpt-neox": dict(rotary_pct=0.25, rotary_emb_base=10000),
    "tiny-mistral": dict(rope_theta=10000.0),
    "tiny-qwen2": dict(
        rope_theta=10000.0, use_sliding_window=False, sliding_window=4, max_window_layers=2),
    "tiny-gemma2": dict(rope_theta=300.0),
    "tiny-gemma3": dict(
        rope_theta=5000.0, rope_local_base_freq=100.0, sliding_window_pattern=2,
        rope_scaling=dict(rope_type="linear", factor=8.0)),
    "tiny-phi3-partial": dict(rope_theta=10000.0, partial_rotary_factor=0.5, rope_scaling=None),
    "tiny-qwen3-moe": dict(rope_theta=10000.0, num_experts=5),
    "tiny-mixtral": dict(rope_theta=1000000.0),
}


@torch.no_grad()
def make(family, settings):
    torch.manual_seed(7)
    config = getattr(transformers, family + "Config")(**settings)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    # Gemma's norms multiply by 1 + weight.
    mean = 0.0 if family.startswith("Gemma") else 1.0
    for key, value in model.named_parameters():
        if key.endswith("bias"):
            torch.nn.init.normal_(value, std=0.3)
        elif "norm" in key or ".ln_" in key:
            torch.nn.init.normal_(value, mean=mean, std=0.2)
    return model


@torch.no_grad()
def use_old_style(target, changes):
    """Rewrites config.json as published checkpoints have it, and proves that it means the same."""
    path = target / "config.json"
    ids = torch.arange(30)[None]
    expected = record_gradients.reference.load(target)(ids).logits
    config = json.loads(path.read_text())
    path.rename(target / "config.transformers5.json")
    dropped = ["rope_parameters", "layer_types", "dtype", "_sliding_window_pattern"]
    if "num_experts" in changes:
        dropped.append("num_local_experts")
    for key in dropped:
        config.pop(key, None)
    config |= dict(torch_dtype="float32", transformers_version="4.51.0", **changes)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    logits = record_gradients.reference.load(target)(ids).logits
    assert torch.equal(logits, expected), target


def main():
    folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:] or list(MODELS)
    for name in names:
        family, settings, has_gradients = MODELS[name]
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        model = make(family, settings)
        model.save_pretrained(target, max_shard_size=SHARDED.get(name, "5GB"))
        (target / "generation_config.json").unlink(missing_ok=True)
        if name in OLD_STYLE:
            use_old_style(target, OLD_STYLE[name])
        generator = torch.Generator().manual_seed(11)
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as prompts:
            for length in LENGTHS:
                ids = torch.randint(0, model.config.vocab_size, (length,), generator=generator)
                prompts.write(json.dumps({"token_ids": ids.tolist()}) + "\n")
            prompts.flush()
            arguments = ["--model", str(target), "--prompts", prompts.name, "--out"]
            record_gradients.reference.main(
                [*arguments, str(target / "reference.safetensors"), "--greedy", "12", "--all-hooks"])
            if has_gradients:
                record_gradients.main(
                    [*arguments, str(target / "gradients.safetensors"), "--prompt", "2"])
        print(name, sum(file.stat().st_size for file in target.iterdir()), "bytes")


if __name__ == "__main__":
    main()
