"""Records what 'heads sweep', 'heads search' and 'heads attribute' must print, from prompts to the last figure.

    python record_heads_study.py ../../TransformerTests/Golden/tiny-llama ../Golden/study

torch 2.x, transformers 4.57, safetensors, scipy 1.16, statsmodels 0.14. The forward passes are
transformers' in float64, with heads ablated by hooks before the output projection; tests, corrections and
intervals are scipy's, statsmodels' and numpy's. Draws are the documented ones (seeded.py).
"""
import itertools
import json
import os
import sys

import numpy as np
import torch
from safetensors.numpy import load_file
from scipy import stats
from statsmodels.stats.multitest import multipletests
from transformers import AutoConfig, AutoModelForCausalLM

sys.path.append(os.path.join(os.path.dirname(__file__), "../../StatisticsTests/Oracles"))
import seeded

folder, golden = sys.argv[1:]
SEED, RESAMPLES, RANDOM_SETS, SHARES = 5, 300, 40, [0.05, 0.12, 0.3]
config = AutoConfig.from_pretrained(folder)
# Version 4 does not read the rotary base from where version 5 writes it.
config.rope_theta = json.load(open(f"{folder}/config.json"))["rope_parameters"]["rope_theta"]
model = AutoModelForCausalLM.from_pretrained(
    folder, config=config, dtype=torch.float64, attn_implementation="eager").eval()
L, H, D = model.config.num_hidden_layers, model.config.num_attention_heads, model.config.head_dim
heads = [(l, h) for l in range(L) for h in range(H)]
probe = {k: v.astype(np.float64) for k, v in load_file(f"{golden}/probe/probe.safetensors").items()}
weight, mean, scale = (probe[k].reshape(-1) for k in ("weight", "mean", "scale"))
bias = float(probe["bias"].reshape(-1)[0])
direction = weight / scale


def rows(name):
    return [json.loads(line) for line in open(f"{golden}/{name}.jsonl")]


prompts, reference = rows("prompts"), rows("reference")
groups = [p["group"] for p in prompts]


def run(tokens, change=None):
    """change: {layer: function of z [tokens, H, D]}; gives z of every block, the last states and attention's outputs."""
    z, outputs, handles = {}, {}, []
    for l, block in enumerate(model.model.layers):
        def before(module, arguments, l=l):
            value = arguments[0][0].reshape(len(tokens), H, D).clone()
            if change and l in change:
                value = change[l](value)
            z[l] = value.numpy()
            return (value.reshape(1, len(tokens), H * D),)

        handles.append(block.self_attn.o_proj.register_forward_pre_hook(before))
        handles.append(block.self_attn.o_proj.register_forward_hook(
            lambda module, arguments, result, l=l: outputs.__setitem__(l, result[0, -1].numpy())))
        handles.append(block.register_forward_hook(
            lambda module, arguments, result, l=l: outputs.__setitem__(
                ("after", l), (result[0] if isinstance(result, tuple) else result)[0, -1].numpy())))
    handles.append(model.model.norm.register_forward_hook(
        lambda module, arguments, result: outputs.__setitem__("state", result[0, -1].numpy())))
    with torch.no_grad():
        model(torch.tensor([tokens]))
    for handle in handles:
        handle.remove()
    return z, outputs


def score(state):
    return float(direction @ (state - mean) + bias)


clean = [run(p["token_ids"]) for p in prompts]
clean_scores = [score(o["state"]) for _, o in clean]
reference_z = [run(p["token_ids"])[0] for p in reference]
means = {l: np.concatenate([z[l] for z in reference_z]).mean(0) for l in range(L)}
donors = []
for p in prompts:
    others = [i for i, r in enumerate(reference) if r["group"] != p["group"]]
    donors.append(others[seeded.Generator(SEED, f"resample {p['id']}").index(len(others))])


def change(kind, chosen, prompt):
    """What takes heads out of one prompt, by layer."""
    count = len(prompts[prompt]["token_ids"])

    def one(layer):
        def apply(z):
            for l, h in chosen:
                if l != layer:
                    continue
                if kind == "zero":
                    z[:, h] = 0
                elif kind == "mean":
                    z[:, h] = torch.tensor(means[l][h])
                else:
                    source = reference_z[donors[prompt]][l]
                    shift = count - len(source)
                    z[:, h] = torch.tensor(source[[max(t - shift, 0) for t in range(count)], h])
            return z

        return apply

    return {layer: one(layer) for layer in {l for l, _ in chosen}}


def effects(kind, chosen, places):
    return [score(run(prompts[p]["token_ids"], change(kind, chosen, p))[1]["state"]) - clean_scores[p] for p in places]


def interval(values, names):
    bounds = seeded.mean_interval(list(values), list(names), SEED, RESAMPLES)
    return None if bounds is None else {"estimate": bounds[0], "low": bounds[1], "high": bounds[2], "n": len(values)}


def sign_flips(values):
    units = [sum(values[i] for i in unit) for unit in seeded.members(groups).values()]
    signs = np.array(list(itertools.product([1, -1], repeat=len(units))))
    sums = np.abs(signs @ np.array(units))
    return float(np.mean(sums >= abs(sum(units)) - 1e-9))


def findings(names, values, vectors, along, sign):
    """values: [heads][prompts]; vectors: the mean change or output of each head."""
    result = []
    for (l, h), row, vector in zip(names, values, vectors):
        cosine = float(vector @ along / np.linalg.norm(vector) / np.linalg.norm(along))
        t = abs(cosine) * np.sqrt((len(along) - 1) / (1 - cosine**2))
        result.append({
            "layer": l, "head": h, "mean": float(np.mean(row)), "interval": interval(row, groups),
            "sign_flip_p": sign_flips(row), "cosine": cosine,
            "random_direction_p": float(2 * stats.t.sf(t, len(along) - 1)),
        })
    joint = [max(f["sign_flip_p"], f["random_direction_p"]) for f in result]
    for method, key in (("holm", "holm_p"), ("fdr_bh", "screen_p")):
        for finding, p in zip(result, multipletests(joint, method=method)[1]):
            finding[key] = float(p)
    for finding in result:
        finding["is_suppressor"] = bool(finding["holm_p"] < 0.05 and finding["mean"] * sign > 0)
    return result


chosen_places, report_places = seeded.split([0.5, 0.5], groups, [""] * len(groups), SEED)
report_groups = [groups[p] for p in report_places]


def report(sets, pool, sign, effect, controlled):
    result = []
    for number, names in enumerate(sets):
        values = effect(names, report_places)
        entry = {
            "heads": [{"layer": l, "head": h} for l, h in names],
            "selection_mean": float(np.mean(effect(names, chosen_places))),
            "effect": interval(values, report_groups), "mean": float(np.mean(values)),
        }
        if controlled(number):
            drawn = []
            for index in range(RANDOM_SETS):
                order = seeded.Generator(SEED, f"random heads {len(names)} {index}").shuffled(pool)
                drawn.append(float(np.mean(effect(sorted(order[: len(names)]), report_places))))
            as_large = int(sum(sign * d >= sign * entry["mean"] - 1e-9 for d in drawn))
            entry["control"] = {
                "sets": RANDOM_SETS, "mean": float(np.mean(drawn)), "lowest": min(drawn), "highest": max(drawn),
                "as_large": as_large, "p": (as_large + 1) / (RANDOM_SETS + 1),
            }
        result.append(entry)
    controls = [e["control"] for e in result if "control" in e]
    for control, p in zip(controls, multipletests([c["p"] for c in controls], method="holm")[1]):
        control["p"] = float(p)
    return {
        "selection_prompts": len(chosen_places), "report_prompts": len(report_places),
        "selection_groups": len({groups[p] for p in chosen_places}),
        "report_groups": len(set(report_groups)), "sets": result,
    }


def ranking(values, sign):
    sums = [sign * sum(row[p] for p in chosen_places) for row in values]
    return [heads[i] for i in sorted(range(len(heads)), key=lambda i: (-sums[i], i))]


def shares(order):
    return [order[: min(max(int(np.floor(s * len(heads) + 0.5)), 1), len(heads))] for s in SHARES]


def finding_rows(found, values):
    return [{"finding": f, "values": [float(v) for v in row]} for f, row in zip(found, values)]


def sweep(kind):
    values, shifts = [], []
    for head in heads:
        runs = [run(p["token_ids"], change(kind, [head], i))[1]["state"] for i, p in enumerate(prompts)]
        values.append([score(s) - c for s, c in zip(runs, clean_scores)])
        shifts.append(np.mean([s - o["state"] for s, (_, o) in zip(runs, clean)], axis=0))
    order = ranking(values, 1)
    return {
        "prompts": [p["id"] for p in prompts], "groups": len(set(groups)), "clean": clean_scores,
        "clean_mean": interval(clean_scores, groups),
        "heads": finding_rows(findings(heads, values, shifts, direction, 1), values),
        "sets": None if kind == "resample"
        else report(shares(order), order, 1, lambda s, p: effects(kind, s, p), lambda n: True),
    }


def search(size, beam, raises, wanted):
    sign = 1 if raises else -1
    cache = {}

    def mean_effect(names):
        key = tuple(sorted(names))
        if key not in cache:
            cache[key] = float(np.mean(effects("zero", key, chosen_places)))
        return cache[key]

    pool = sorted(heads, key=lambda h: (-sign * mean_effect([h]), h))
    pool = pool[: max(wanted, size)] if wanted else heads
    kept, steps = [()], []
    for _ in range(size):
        found = {tuple(sorted(base + (h,))) for base in kept for h in pool if h not in base}
        ordered = sorted(found, key=lambda s: (-sign * mean_effect(s), s))
        best = mean_effect(ordered[0])
        steps.append({
            "heads": [{"layer": l, "head": h} for l, h in ordered[0]], "selection_mean": best,
            "tried": len(found), "tied": sum(abs(mean_effect(s) - best) < 1e-12 for s in found)})
        kept = ordered[:beam]
    sets = [[(h["layer"], h["head"]) for h in s["heads"]] for s in steps]
    return {
        "candidates": len(pool), "steps": steps,
        "report": report(
            sets, heads, sign, lambda s, p: effects("zero", s, p), lambda n: n == size - 1),
    }


def attribute():
    unit = direction / np.linalg.norm(direction)
    gain = model.model.norm.weight.detach().numpy()
    forms = {"raw": ([], []), "frozen": ([], [])}
    for l, h in heads:
        w = model.model.layers[l].self_attn.o_proj.weight.detach().numpy()[:, h * D : (h + 1) * D]
        written = [w @ z[l][-1, h] for z, _ in clean]
        rms = [np.sqrt(np.mean(o[("after", L - 1)] ** 2) + model.config.rms_norm_eps) for _, o in clean]
        forms["raw"][0].append([float(o @ unit) for o in written])
        forms["frozen"][0].append([float(o @ (gain * unit) / r) for o, r in zip(written, rms)])
        forms["raw"][1].append(np.mean(written, axis=0))
        forms["frozen"][1].append(np.mean(written, axis=0))
    result = {"groups": len(set(groups))}
    for name, (values, vectors) in forms.items():
        along = unit if name == "raw" else gain * unit
        order = ranking(values, -1)
        table = dict(zip(heads, values))
        result[name] = {
            "heads": finding_rows(findings(heads, values, vectors, along, -1), values),
            "sets": report(
                shares(order), order, -1, lambda s, p: [sum(table[h][i] for h in s) for i in p], lambda n: True),
        }
    return result


recorded = {
    "sweep-mean": sweep("mean"), "sweep-resample": sweep("resample"), "sweep-scale": sweep("zero"),
    "search-greedy": search(3, 1, True, 0), "search-beam": search(3, 3, False, 7), "attribute": attribute(),
}


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


with open(f"{golden}/heads.json", "w") as file:
    json.dump(rounded(recorded), file, separators=(",", ":"))
    file.write("\n")
for name, study in recorded.items():
    if "heads" in study:
        print(name, min(h["finding"]["holm_p"] for h in study["heads"]), study["clean_mean"])
        print([(s["heads"], s["mean"], s["control"]) for s in (study["sets"] or {"sets": []})["sets"]])
    elif "steps" in study:
        print(name, study["steps"], study["report"]["sets"][-1])
