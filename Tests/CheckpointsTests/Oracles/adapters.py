"""Records the folder adapters: tiny random models, LoRA adapters as PEFT saves them, and what PEFT
makes of the two.

    python adapters.py ../Golden/adapters

    <model>/                  config.json and model.safetensors, as transformers writes them
    <model>-<adapter>/        adapter_config.json and adapter_model.safetensors, as PEFT writes them
    merged.safetensors        every fifth row of each parameter that an adapter changes, as
                              "<adapter folder>/<Hugging Face name>", in the orientation [outputs, inputs]
    logits.safetensors        "<model or adapter folder>": logits [tokens, vocabulary] of the unmerged
                              forward pass; the tokens are in the metadata
    patterns.json             "<pattern>": modules that PEFT's get_pattern_key finds it to stand for

Two combinations stand beside the adapters: "llama+weighted" is 0.7 * attention - 1.3 * mlp by
add_weighted_adapter(combination_type="cat"), "llama+both" is attention and mlp one after the other
with weight 1, by merging both.

Needs: pip install torch transformers peft safetensors
"""

import json
import os
import shutil
import sys
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils.other import get_pattern_key
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.pytorch_utils import Conv1D

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
TOKENS = [3, 17, 60, 5, 5, 42, 0]
root = sys.argv[1]
merged, logits = {}, {}


def llama(layers, tied):
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=layers,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
            attention_bias=not tied, tie_word_embeddings=tied, bos_token_id=0, eos_token_id=1,
        )
    )


def gpt2():
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=61, n_embd=24, n_layer=1, n_head=4, n_positions=16, n_inner=40,
            bos_token_id=0, eos_token_id=1,
        )
    )


MODELS = {"llama": llama(2, False), "tied": llama(1, True), "gpt2": gpt2()}
ADAPTERS = {
    "llama-attention": dict(
        r=4, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]
    ),
    # Stored in bfloat16. A pattern that matches the end of a name in its middle must not count.
    "llama-mlp": dict(
        r=3, lora_alpha=7, use_rslora=True, target_modules=r".*(q_proj|_proj)",
        exclude_modules=r".*\.[kvo]_proj",
        rank_pattern={
            "layers.1.mlp.down_proj": 5, r".*gate_proj": 2, "^model.layers.0.mlp.up_proj": 6,
            "ayers.0.mlp.down_proj": 9, r"layers\.\d+.self_attn.q_proj": 1, "q_proj": 8,
        },
        alpha_pattern={"up_proj": 11, "^up_proj": 12, "proj": 13},
    ),
    "llama-embedding": dict(
        r=2, lora_alpha=5, target_modules=["embed_tokens", "lm_head", "q_proj"],
        layers_to_transform=None, init_lora_weights=False,
    ),
    "llama-whole": dict(
        r=2, target_modules=["v_proj"], bias="all", modules_to_save=["lm_head", "model.norm"],
        layers_to_transform=[1],
    ),
    "llama-dora": dict(
        r=3, lora_alpha=6, use_dora=True, target_modules=["q_proj", "gate_proj", "down_proj"]
    ),
    "tied-embedding": dict(r=2, lora_alpha=3, target_modules=["embed_tokens", "o_proj"]),
    "gpt2-plain": dict(
        r=3, lora_alpha=4, target_modules=["c_attn", "c_proj", "c_fc", "wte"], bias="lora_only",
        fan_in_fan_out=True,
    ),
    "gpt2-dora": dict(r=2, lora_alpha=4, target_modules=["c_attn", "c_fc"], use_dora=True,
        fan_in_fan_out=True),
}


def base(name):
    kind = GPT2LMHeadModel if name == "gpt2" else LlamaForCausalLM
    return kind.from_pretrained(f"{root}/{name}", dtype=torch.float32).eval()


def forward(model):
    with torch.no_grad():
        return model(torch.tensor([TOKENS])).logits[0].contiguous().clone()


def parameters(model):
    """Linear weights as [outputs, inputs]; by module, because tied parameters have one name only."""
    found = {}
    for path, module in model.named_modules():
        for kind, value in module.named_parameters(recurse=False):
            value = value.detach()
            if isinstance(module, Conv1D) and kind == "weight":
                value = value.T
            found[f"{path}.{kind}"] = value.contiguous().clone()
    return found


def record(name, model, adapted):
    changed = 0
    original = parameters(model)
    for parameter, value in parameters(adapted).items():
        if not torch.equal(value, original[parameter]):
            merged[f"{name}/{parameter}"] = value[::5].contiguous()
            changed += 1
    assert changed > 0


torch.manual_seed(20)
shutil.rmtree(root, ignore_errors=True)
for name, model in MODELS.items():
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
            if parameter.dim() == 1:
                parameter.add_(0.5)
    model.save_pretrained(f"{root}/{name}")
    os.remove(f"{root}/{name}/generation_config.json")
    logits[name] = forward(base(name))

for name, settings in ADAPTERS.items():
    folder = f"{root}/{name}"
    settings = {"init_lora_weights": False, "task_type": "CAUSAL_LM", **settings}
    model = get_peft_model(base(name.split("-")[0]), LoraConfig(**settings))
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if "lora_A" in path or "lora_B" in path or "embedding" in path:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            elif "modules_to_save" in path or path.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * 0.1)
            elif "magnitude" in path:
                parameter.mul_(1 + 0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    os.remove(f"{folder}/README.md")
    with open(f"{folder}/adapter_config.json") as file:
        written = json.load(file)
    written["base_model_name_or_path"] = name.split("-")[0]
    for key, value in written.items():
        # PEFT keeps lists of names as sets, which Python writes in another order each time.
        written[key] = sorted(value) if isinstance(value, list) else value
    with open(f"{folder}/adapter_config.json", "w") as file:
        json.dump(written, file, indent=1)
        file.write("\n")
    weights = f"{folder}/adapter_model.safetensors"
    if name == "llama-mlp":
        stored = {key: value.to(torch.bfloat16) for key, value in load_file(weights).items()}
        save_file(stored, weights, metadata={"format": "pt"})
    if name.startswith("gpt2"):
        # The copies of base weights that PEFT stores with an embedding called embed_tokens.
        assert not any("base_layer.weight" in key for key in load_file(weights))

for name in ADAPTERS:
    model = base(name.split("-")[0])
    adapted = PeftModel.from_pretrained(model, f"{root}/{name}").eval()
    logits[name] = forward(adapted)
    if name.startswith(("tied", "gpt2")):
        # A merge writes into the memory that embedding and unembedding share, and so changes the
        # unembedding, which the trained forward pass leaves alone.
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        model.config.tie_word_embeddings = False
    combined = adapted.merge_and_unload()
    record(name, base(name.split("-")[0]), combined)
    difference = (forward(combined) - logits[name]).abs().max() / logits[name].abs().max()
    assert difference < 2e-6, (name, difference)
    assert not torch.allclose(logits[name], logits[name.split("-")[0]], atol=1e-2)


def pair():
    adapted = PeftModel.from_pretrained(base("llama"), f"{root}/llama-attention", adapter_name="a")
    adapted.load_adapter(f"{root}/llama-mlp", adapter_name="b")
    return adapted.eval()


adapted = pair()
# A list, because PEFT cannot join one with the regular expression of the other.
for key in "ab":
    adapted.peft_config[key].target_modules = {
        path.rsplit(".", 1)[-1] for path in adapted.targeted_module_names
    } | {"gate_proj", "up_proj", "down_proj"}
adapted.add_weighted_adapter(["a", "b"], [0.7, -1.3], "c", combination_type="cat")
adapted.set_adapter("c")
logits["llama+weighted"] = forward(adapted)
combined = adapted.merge_and_unload()
record("llama+weighted", base("llama"), combined)
assert torch.allclose(forward(combined), logits["llama+weighted"], rtol=1e-4, atol=1e-5)
adapted = pair()
adapted.base_model.set_adapter(["a", "b"])
logits["llama+both"] = forward(adapted)
adapted.merge_adapter(["a", "b"])
combined = adapted.unload()
record("llama+both", base("llama"), combined)
assert torch.allclose(forward(combined), logits["llama+both"], rtol=1e-4, atol=1e-5)

save_file(merged, f"{root}/merged.safetensors")
save_file(logits, f"{root}/logits.safetensors", metadata={"tokens": json.dumps(TOKENS)})

random = torch.Generator().manual_seed(21)


def pick(values):
    return values[torch.randint(len(values), (1,), generator=random).item()]


MODULES = ["lm_head", "q_proj", "model.layers.1.self_attn.q_proj", "model.layers.11.self_attn.q_proj",
    "model.layers.0.mlp.q-proj", "model.layersX1.q_proj", "a.a.a", "aa.aab.ab", "transformer.h.0.attn"]
PIECES = ["q_proj", "layers", "model", "self_attn", "1", "0", "a", "aa", "b", "h", "lm_head", "X",
    ".", ".", "\\.", "\\d", "\\d+", ".*", ".+", ".?", "a*", "a+b", "\\.?", "q-proj", "attn"]
patterns = {"".join([pick(["", "", "^"])] + [pick(PIECES) for _ in range(pick([1, 2, 3, 4, 6, 8]))]
    + [pick(["", "", "$"])]) for _ in range(4000)}
matches = {}
for pattern in sorted(patterns):
    # A key that is the module's own name is taken without a match, which changes nothing here.
    found = [module for module in MODULES if get_pattern_key([pattern, "none"], module) == pattern]
    if found or pick(range(12)) == 0:
        matches[pattern] = found
with open(f"{root}/patterns.json", "w") as file:
    json.dump({"modules": MODULES, "matches": matches}, file, indent=0)
    file.write("\n")
