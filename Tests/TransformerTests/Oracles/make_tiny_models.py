"""Make tiny random Llama-family models, small enough to commit, and record their references.

usage: make_tiny_models.py FOLDER      (writes FOLDER/tiny-llama and FOLDER/tiny-llama-bias)
"""
import json
import pathlib
import subprocess
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

folder = pathlib.Path(sys.argv[1])
recorder = pathlib.Path(__file__).with_name("record_reference.py")

models = {
    # Three query heads for each key/value head, a head width that is no multiple of 16.
    "tiny-llama": dict(
        hidden_size=36, num_attention_heads=6, num_key_value_heads=2, head_dim=6,
        intermediate_size=52, tie_word_embeddings=False, rope_theta=500.0,
    ),
    # Biases everywhere, tied embeddings, heads wider than dModel / heads.
    "tiny-llama-bias": dict(
        hidden_size=32, num_attention_heads=4, num_key_value_heads=4, head_dim=20,
        intermediate_size=48, tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
    ),
}
for name, settings in models.items():
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=97, num_hidden_layers=3, max_position_embeddings=128, rms_norm_eps=1e-5,
        initializer_range=0.2, **settings,
    )
    model = LlamaForCausalLM(config).eval()
    for key, value in model.named_parameters():
        if key.endswith("bias"):
            torch.nn.init.normal_(value, std=0.3)
        if "norm" in key:
            torch.nn.init.normal_(value, mean=1.0, std=0.2)
    target = folder / name
    model.save_pretrained(target)
    (target / "generation_config.json").unlink(missing_ok=True)
    generator = torch.Generator().manual_seed(11)
    lengths = [1, 7, 19, 40]
    ids = [torch.randint(0, 97, (n,), generator=generator).tolist() for n in lengths]
    sequences = target / "sequences.json"
    sequences.write_text(json.dumps(ids))
    subprocess.run(
        [sys.executable, recorder, target, sequences, target / "reference.safetensors",
         "--greedy", "12"],
        check=True,
    )
