"""Records a whole selection of a direction in a tiny model, from prompts to the p values on the test part.

    python record_direction_selection.py ../../TransformerTests/Golden/tiny-llama ../Golden/direction_selection.json

torch 2.x, transformers 4.57, scipy 1.16, statsmodels 0.14. All passes are transformers' in float64, with
hooks; repeated groups, classes and parts of unequal size, candidates of which several may be chosen and the one of
least bypass is neither the first nor that of least divergence. Random directions are drawn as documented (seeded.py).
"""
import json
import os
import sys

import numpy as np
import torch
from statsmodels.stats.multitest import multipletests
from transformers import AutoConfig, AutoModelForCausalLM

sys.path.append(os.path.join(os.path.dirname(__file__), "../../StatisticsTests/Oracles"))
import seeded

folder, output = sys.argv[1:]
SEED, RESAMPLES, RANDOM, POSITIONS = 3, 300, 40, [-3, -2, -1]
config = AutoConfig.from_pretrained(folder)
# Version 4 does not read the rotary base from where version 5 writes it.
config.rope_theta = json.load(open(f"{folder}/config.json"))["rope_parameters"]["rope_theta"]
model = AutoModelForCausalLM.from_pretrained(
    folder, config=config, dtype=torch.float64, attn_implementation="eager").eval()
# A random model is too sure of its next token for any direction to leave it alone.
with torch.no_grad():
    model.lm_head.weight *= 0.5
L = model.config.num_hidden_layers


def row(tokens, ablate=None, add=None):
    """The last row of logits; ablate: a direction; add: (direction, block)."""
    handles = []
    if ablate is not None:
        unit = torch.tensor(ablate / np.linalg.norm(ablate))

        def project(x):
            return x - (x @ unit)[..., None] * unit

        def before(module, arguments):
            return (project(arguments[0]),) + arguments[1:]

        def after(module, arguments, result):
            return (project(result[0]),) + result[1:] if isinstance(result, tuple) else project(result)

        for block in model.model.layers:
            handles.append(block.register_forward_pre_hook(before))
            handles.append(block.self_attn.register_forward_hook(after))
            handles.append(block.mlp.register_forward_hook(after))
    if add is not None:
        vector = torch.tensor(add[0])
        handles.append(model.model.layers[add[1]].register_forward_pre_hook(
            lambda module, arguments: (arguments[0] + vector,) + arguments[1:]))
    with torch.no_grad():
        result = model(torch.tensor([tokens])).logits[0, -1].numpy()
    for handle in handles:
        handle.remove()
    return result


def metric(logits, refusal):
    p = np.exp(logits - logits.max())
    share = p[refusal].sum() / p.sum()
    return float(np.log(share + 1e-8) - np.log(1 - share + 1e-8))


def divergence(one, other):
    one, other = (x - x.max() - np.log(np.exp(x - x.max()).sum()) for x in (one, other))
    return float((np.exp(one) * (one - other)).sum())


def estimate(values, names):
    bounds = seeded.mean_interval(list(values), list(names), SEED, RESAMPLES)
    return {"mean": float(np.mean(values)), "n": len(values), "interval": bounds}


def world(seed):
    generator = np.random.default_rng(seed)

    def part(count, groups, low, high):
        return [
            {"tokens": [1] + generator.integers(low, high, generator.integers(5, 9)).tolist(),
             "group": f"g{generator.integers(groups)}"} for _ in range(count)]

    parts = {
        name: (part(a, 4, 3, 60), part(b, 3, 40, 97))
        for name, a, b in (("training", 9, 7), ("validation", 7, 6), ("test", 8, 5))}
    refusal = sorted(generator.choice(97, 52, replace=False).tolist())
    return parts, refusal


def directions(harmful, harmless):
    def means(prompts):
        sums = np.zeros((len(POSITIONS), L, model.config.hidden_size))
        for prompt in prompts:
            with torch.no_grad():
                states = model(torch.tensor([prompt["tokens"]]), output_hidden_states=True).hidden_states
            for layer in range(L):
                sums[:, layer] += states[layer][0, POSITIONS[0]:].numpy()
        return sums / len(prompts)

    return (means(harmful) - means(harmless)).astype(np.float32)


def outcome(part, refusal, vector, layer):
    harmful, harmless = part
    vector = vector.astype(np.float64)
    return {
        "bypass": [metric(row(p["tokens"], ablate=vector), refusal) for p in harmful],
        "induce": [metric(row(p["tokens"], add=(vector, layer)), refusal) for p in harmless],
        "divergence": [
            divergence(row(p["tokens"]), row(p["tokens"], ablate=vector)) for p in harmless],
    }


def names(prompts):
    return [p["group"] for p in prompts]


def select(parts, refusal):
    vectors, candidates = directions(*parts["training"]), []
    harmful, harmless = parts["validation"]
    for index, position in enumerate(POSITIONS):
        for layer in range(L):
            if not layer < 0.8 * L or not np.linalg.norm(vectors[index, layer]) > 0:
                continue
            o = outcome(parts["validation"], refusal, vectors[index, layer], layer)
            candidates.append({
                "position": position, "layer": layer,
                "norm": float(np.linalg.norm(vectors[index, layer].astype(np.float64))),
                "bypass": estimate(o["bypass"], names(harmful)),
                "induce": estimate(o["induce"], names(harmless)),
                "divergence": estimate(o["divergence"], names(harmless)),
            })
    allowed = [
        i for i, c in enumerate(candidates) if c["divergence"]["mean"] <= 0.1 and c["induce"]["mean"] >= 0]
    return vectors, candidates, allowed


def is_telling(candidates, allowed):
    if len(allowed) < 3 or len(allowed) == len(candidates):
        return False
    chosen = min(allowed, key=lambda i: candidates[i]["bypass"]["mean"])
    others = [i for i in range(len(candidates)) if i not in allowed]
    return (
        chosen != allowed[0]
        and chosen != min(allowed, key=lambda i: candidates[i]["divergence"]["mean"])
        and chosen != max(allowed, key=lambda i: candidates[i]["induce"]["mean"])
        and min(candidates[i]["bypass"]["mean"] for i in others) < candidates[chosen]["bypass"]["mean"])


for seed in range(2000):
    parts, refusal = world(seed)
    vectors, candidates, allowed = select(parts, refusal)
    if is_telling(candidates, allowed):
        break
else:
    sys.exit("no telling world")
chosen = min(allowed, key=lambda i: candidates[i]["bypass"]["mean"])
position, layer = candidates[chosen]["position"], candidates[chosen]["layer"]
vector = vectors[POSITIONS.index(position), layer]
harmful, harmless = parts["test"]
main = outcome(parts["test"], refusal, vector, layer)
controls = []
for number in range(RANDOM):
    drawn = seeded.Generator(SEED, f"random direction {number}")
    v = np.array([drawn.normal() for _ in vector])
    v *= np.linalg.norm(vector.astype(np.float64)) / np.linalg.norm(v)
    controls.append(outcome(parts["test"], refusal, v.astype(np.float32), layer))


def change(key, prompts, sign):
    before = [metric(row(p["tokens"]), refusal) for p in prompts]
    random = [float(np.mean(c[key])) for c in controls]
    as_far = sum(sign * r >= sign * np.mean(main[key]) for r in random)
    return {
        "baseline": estimate(before, names(prompts)), "changed": estimate(main[key], names(prompts)),
        "difference": estimate(np.subtract(main[key], before), names(prompts)),
        "randomAsFar": int(as_far), "p": (as_far + 1) / (RANDOM + 1), "random": random,
    }


test = {
    "bypass": change("bypass", harmful, -1), "induce": change("induce", harmless, 1),
    "divergence": estimate(main["divergence"], names(harmless)),
    "randomDivergence": [float(np.mean(c["divergence"])) for c in controls],
}
for key, p in zip(("bypass", "induce"), multipletests([test["bypass"]["p"], test["induce"]["p"]], method="holm")[1]):
    test[key]["p"] = float(p)
recorded = {
    "seed": SEED, "resamples": RESAMPLES, "positions": [POSITIONS[0], POSITIONS[-1]], "refusal": refusal,
    "compliance": [t for t in range(97) if t not in refusal],
    "parts": {k: {"harmful": a, "harmless": b} for k, (a, b) in parts.items()},
    "candidates": candidates, "allowed": allowed, "chosen": chosen, "test": test,
}
with open(output, "w") as file:
    json.dump(recorded, file, separators=(",", ":"))
    file.write("\n")
print(seed, allowed, chosen, [(c["bypass"]["mean"], c["induce"]["mean"], c["divergence"]["mean"]) for c in candidates])
print(test["bypass"], test["induce"])
