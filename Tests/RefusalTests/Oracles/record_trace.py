"""Records Golden/trace.json: a whole trace and a whole selection, from activations to the last figure.

    python record_trace.py        numpy 2.4, scipy 1.17

Made-up transcripts of three kinds, of unequal size, several of one group, with thinking that is too short or does
not end, an earlier turn with thinking, and ties. What is computed is written from the definitions: s = sigmoid(w . x + b), the
plateau by each rule, the fall, where it is largest, means over transcripts with BCa intervals that draw whole
groups (scipy), random directions ranked on both sides and corrected by Holm, and what selection takes of them.
"""
import json
import os

import numpy as np
from scipy.stats import bootstrap

rng = np.random.default_rng(16)
HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, CONTROLS = 3, 39
weight, bias = np.array([2.0, -1.0, 0.5]), 0.25


def grid(values):
    """Multiples of 1/64, which float32 holds."""
    return np.round(np.asarray(values, dtype=float) * 64) / 64


controls = grid(rng.normal(size=(CONTROLS, WIDTH)) * np.array([1.2, 1.6, 1.6]))
control_bias = grid(rng.normal(size=CONTROLS) * 0.5)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def transcript(index, label, group, level, shift, letters):
    """Activations around a level that is the group's, and another at the template after the thinking."""
    centre = np.array([level, 0.2, 0.1])
    values = centre + rng.normal(size=(len(letters), WIDTH)) * np.array([0.25, 0.4, 0.4])
    last = letters.rfind("k")
    for token in range(last + 1, len(letters)):
        values[token] += shift
    return {"id": f"{label}-{index:02d}", "label": label, "group": group, "letters": letters,
            "values": grid(values).tolist()}


transcripts = []
levels = {}
for label, count, prompts, shift in (
    ("harmful", 21, 12, [-0.9, 0.5, 0]), ("benign", 15, 11, [0.35, -0.2, 0.1]), ("other", 8, 7, [-0.4, 0, 0])
):
    for index in range(count):
        # The first prompts are answered several times.
        group = f"{label} {index % prompts if index < 2 * prompts else 0}"
        level = levels.setdefault(group, float(rng.normal(0.55, 0.5)))
        letters = "tpp" + "t" * (1 + index % 2) + "k" * (7 + index % 5) + "tta"[: 2 + index % 2] + "aa"
        if index == 3:
            letters = "tpptkkkkktaa"  # five thinking tokens: no robust plateau, but a paper one
        if index == 4 and label != "other":
            letters = "tpptkkkkkkkk"  # the thinking does not end
        if index == 5:
            letters = "tpptkkkkttaatpptkkkkkkkttaa"  # an earlier turn
        transcripts.append(transcript(index, label, group, level, np.array(shift), letters))
# Two that are the same.
transcripts[8]["values"], transcripts[8]["letters"] = transcripts[7]["values"], transcripts[7]["letters"]


def landmarks(letters):
    """Thinking tokens and the last template token before the answer, of the last turn."""
    start = letters.rfind("p") + 1
    answer = letters.find("a", start)
    turn = range(start, answer if answer >= 0 else len(letters))
    thinking = [token for token in turn if letters[token] == "k"]
    after = [token for token in turn if letters[token] == "t" and thinking and token > thinking[-1]]
    return thinking, after[-1] if after else None


def plateau(scores, rule):
    if rule == "paper":
        return max(scores) if len(scores) else None
    kept = scores[:-5]
    if not len(kept):
        return None
    return float(np.mean(kept)) if rule == "robust" else float(np.percentile(kept, 90))


def measure(s, letters, rule):
    thinking, final = landmarks(letters)
    top = plateau([s[token] for token in thinking], rule)
    low = None if final is None else s[final]
    fall = None if top is None or low is None else top - low
    return top, low, fall


def interval(values, groups):
    """The mean over values, whole groups drawn."""
    names = sorted(set(groups))
    sums = np.array([sum(v for v, g in zip(values, groups) if g == name) for name in names])
    counts = np.array([sum(g == name for g in groups) for name in names], dtype=float)

    def mean(drawn, axis=-1):
        return sums[drawn].sum(axis=axis) / counts[drawn].sum(axis=axis)

    result = bootstrap((np.arange(len(names)),), mean, n_resamples=200_000, batch=20_000, method="BCa",
                       random_state=np.random.default_rng(1)).confidence_interval
    return [float(np.mean(values)), float(result.low), float(result.high)]


traces = []
for row in transcripts:
    values = np.array(row["values"])
    s = sigmoid(values @ weight + bias)
    thinking, final = landmarks(row["letters"])
    steps = {}
    if thinking and final is not None:
        steps = {token: s[token] - s[token + 1] for token in range(thinking[0], final)}
    start = max(steps, key=lambda token: (steps[token], -token)) if steps else None
    start = start if start is not None and steps[start] > 0 else None
    traces.append({
        "row": row, "s": s, "last": thinking[-1] if thinking else None,
        "rules": {rule: measure(s, row["letters"], rule) for rule in ("robust", "paper", "90th percentile")},
        "end": None if final is None or not thinking else s[thinking[-1]] - s[final], "start": start,
        "controls": [measure(sigmoid(values @ w + b), row["letters"], "robust")[2]
                     for w, b in zip(controls, control_bias)]})

groups = {}
for label in sorted({row["label"] for row in transcripts}):
    mine = [trace for trace in traces if trace["row"]["label"] == label]
    means = {}
    for rule in ("robust", "paper", "90th percentile"):
        for place, name in enumerate(("plateau", "final", "cliff")):
            present = [(t["rules"][rule][place], t["row"]["group"]) for t in mine if t["rules"][rule][place] is not None]
            means[f"{rule} {name}"] = interval(*zip(*present))
    measured = [t for t in mine if t["rules"]["robust"][2] is not None]
    falls = np.array([t["rules"]["robust"][2] for t in measured])
    drops = [(t["rules"]["robust"][2] / t["rules"]["robust"][0], t["row"]["group"])
             for t in measured if t["rules"]["robust"][0] >= 0.01]
    control = np.array([t["controls"] for t in measured]).mean(axis=0)
    total = falls.sum()
    offsets = [t["start"] - t["last"] for t in measured if t["start"] is not None]
    groups[label] = {
        "transcripts": len(mine), "measured": len(measured),
        "prompts": len({t["row"]["group"] for t in measured}), "means": means,
        "relative drop": interval(*zip(*drops)),
        "share": float(sum(t["end"] for t in measured) / total) if total > 0 else None,
        "starts": [sum(o < 0 for o in offsets), sum(o == 0 for o in offsets), sum(o > 0 for o in offsets),
                   len(measured) - len(offsets)],
        "median offset": float(np.median(offsets)),
        "as large": int((np.abs(control) >= abs(falls.mean())).sum())}
# Holm over the groups that have prompts enough.
tested = sorted((g for g in groups if groups[g]["prompts"] >= 10), key=lambda g: groups[g]["as large"])
largest = 0.0
for place, name in enumerate(tested):
    p = (groups[name]["as large"] + 1) / (CONTROLS + 1)
    largest = max(largest, min(1.0, p * (len(tested) - place)))
    groups[name]["p"] = largest

# What selection takes: requests that nearly repeat one another, categories of unequal shares.
words = ["river", "castle", "garden", "window", "bottle", "planet", "marble", "velvet", "copper", "saddle", "thunder",
         "harbour", "lantern", "meadow", "orchard", "pebble", "quarry", "ribbon", "sailor", "timber", "walnut"]
pool = []
for index, trace in enumerate(traces):
    word = words[index % len(words)]
    request = f"Tell me about the {word} and the {words[(index * 5 + 3) % len(words)]} number {index * 7}"
    if index in (10, 17):
        request = pool[index - 3]["request"].upper() + " "
    pool.append({
        "id": trace["row"]["id"], "request": request, "category": "xxyxyz"[index % 6],
        "answer": "I'm sorry" if index % 4 == 1 else "PLACEHOLDER",
        "vote": [True, False, True, None][index % 4]})


def pieces(text):
    text = " ".join(text.lower().split())
    return {text[start:start + 5] for start in range(len(text) - 4)}


def similar(one, other):
    one, other = pieces(pool[one]["request"]), pieces(pool[other]["request"])
    return len(one & other) / len(one | other)


def take(order, count, quota):
    taken, passed, left = [], [], dict(quota or {})
    for item in order:
        if len(taken) == count:
            break
        twin = next((other for other in sorted(taken) if similar(other, item) >= 0.8), None)
        if twin is not None:
            passed.append([pool[item]["id"], pool[twin]["id"]])
        elif quota is None or left[pool[item]["category"]] > 0:
            if quota is not None:
                left[pool[item]["category"]] -= 1
            taken.append(item)
    return taken, passed


def quotas(count):
    counts = {c: sum(row["category"] == c for row in pool) for c in "xyz"}
    exact = {c: counts[c] * count / len(pool) for c in counts}
    result = {c: int(exact[c]) for c in exact}
    rest = sorted(exact, key=lambda c: (-(exact[c] - int(exact[c])), c))[: count - sum(result.values())]
    return {c: result[c] + (c in rest) for c in result}


def chosen(rule, ranking, failure, count, by_category):
    key = {}
    for item, trace in enumerate(traces):
        top, low, fall = trace["rules"][rule]
        if ranking == "misalignment" and fall is not None:
            key[item] = -fall
        if ranking == "final" and low is not None:
            fails = pool[item]["vote"] is True if failure == "judge" else pool[item]["answer"] == "PLACEHOLDER"
            if fails:
                key[item] = low
    order = sorted(key, key=lambda item: (key[item], pool[item]["id"]))
    quota = quotas(count) if by_category else None
    taken, passed = take(order, count, quota)
    if quota is not None and len(taken) < count:
        taken, passed = take(taken + [item for item in order if item not in taken], count, None)
    ranks = {item: place + 1 for place, item in enumerate(order)}
    taken.sort(key=lambda item: ranks[item])
    return {"rule": rule, "ranking": ranking, "failure": failure, "count": count, "by_category": by_category,
            "candidates": len(order), "ids": [pool[item]["id"] for item in taken],
            "ranks": [ranks[item] for item in taken], "duplicates": passed,
            "scores": [traces[item]["rules"][rule][2] for item in taken]}


selections = [
    chosen("robust", "misalignment", "rule", 9, False), chosen("paper", "misalignment", "rule", 9, False),
    chosen("robust", "misalignment", "rule", 11, True), chosen("robust", "final", "rule", 8, False),
    chosen("robust", "final", "judge", 8, True), chosen("paper", "misalignment", "rule", 40, True)]
golden = {"weight": weight.tolist(), "bias": bias, "controls": controls.tolist(), "control_bias": control_bias.tolist(),
          "transcripts": transcripts, "groups": groups, "pool": pool, "selections": selections}
with open(os.path.join(HERE, "../Golden/trace.json"), "w", encoding="utf-8") as file:
    json.dump(golden, file, separators=(",", ":"), sort_keys=True)
    file.write("\n")
for name, group in groups.items():
    print(name, json.dumps(group, indent=1)[:1500])
print(selections)
