"""Records a whole training of probes, from activations to the last figure of the report.

    python record_probe_study.py ../Golden/probe_study.json

numpy 2.x, scipy 1.16, scikit-learn 1.7. Groups of one to five rows, some with both labels; a third of the rows
positive; three hooks, one of them with tied rows; three unequal parts. Splits and shuffles are drawn as documented
(seeded.py); fits, areas, losses and intervals are scikit-learn's, scipy's and numpy's.
"""
import json
import os
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

sys.path.append(os.path.join(os.path.dirname(__file__), "../../StatisticsTests/Oracles"))
import seeded

SEED, RESAMPLES, FOLDS, SHUFFLES, RANDOM = 11, 400, 3, 3, 4
SHARES, PENALTIES = [0.5, 0.2, 0.3], [0.001, 0.03, 1.0, 30.0]
HOOKS = ["blocks.0.hook_resid_post", "blocks.1.hook_resid_post", "blocks.2.hook_resid_post"]


def fixture(generator, group_count):
    groups, labels = [], []
    for g in range(group_count):
        size = int(generator.integers(1, 6))
        label = generator.random() < 0.33
        for row in range(size):
            groups.append(f"g{g}")
            labels.append(bool(label if g % 7 else row % 2))
    n = len(groups)
    y, place = np.array(labels), np.array([int(g[1:]) for g in groups])
    effect = generator.normal(size=(group_count, 5))
    hooks = []
    for gap in (0.3, 0.9):
        x = 0.7 * generator.normal(size=(n, 5)) + effect[place]
        x[:, 1] += gap * 1.5 * y
        x[:, 3] += gap * y
        hooks.append(np.round(x * [1, 30, 0.2, 5, 1] + [3, -50, 0, 200, 0], 3).astype(np.float32))
    tied = (generator.random((n, 4)) < 0.5).astype(np.float32)
    tied[:, 0] = np.where(generator.random(n) < 0.75, y, ~y)
    hooks.append(tied)
    return groups, labels, hooks


generator = np.random.default_rng(20261130)
groups, labels, hooks = fixture(generator, 46)
other_groups, other_labels, other_hooks = fixture(generator, 18)
y = np.array(labels)
strata = ["true" if v else "false" for v in labels]
train, selection, test = seeded.split(SHARES, groups, strata, SEED)
folds = seeded.split(
    [1 / FOLDS] * FOLDS, [groups[i] for i in train], [strata[i] for i in train], SEED)
folds = [[train[i] for i in fold] for fold in folds]


def shuffle(number):
    """Labels change places between groups of one label each, and between the rows of a mixed group."""
    drawn, result = seeded.Generator(SEED, f"shuffled labels {number}"), list(labels)
    rows = list(seeded.members(groups).values())
    uniform = [r for r in rows if len({labels[i] for i in r}) == 1]
    for r, label in zip(uniform, drawn.shuffled([labels[r[0]] for r in uniform])):
        for i in r:
            result[i] = label
    for r in rows:
        if len({labels[i] for i in r}) == 2:
            for i, label in zip(r, drawn.shuffled([labels[i] for i in r])):
                result[i] = label
    return np.array(result)


def losses(z, labels):
    return float(np.mean(np.logaddexp(0, np.where(labels, -z, z))))


def area_interval(z, labels, groups):
    units = list(seeded.members(groups).values())
    z, labels = np.asarray(z), np.asarray(labels)

    def area(rows):
        rows = np.array(rows)
        return float(roc_auc_score(labels[rows], z[rows])) if len(set(labels[rows])) == 2 else None

    flat = lambda drawn: [i for u in drawn for i in units[u]]
    values = [area(flat(d)) for d in seeded.draws(len(units), min(RESAMPLES, 2000), SEED)]
    left = np.array([area(flat([u for u in range(len(units)) if u != out])) for out in range(len(units))])
    return seeded.bca(area(flat(range(len(units)))), values, left.mean() - left, RESAMPLES)


def metrics(z, rows, labels, groups):
    z, own, names = z[rows], np.array(labels)[rows], [groups[i] for i in rows]
    p = 1 / (1 + np.exp(-z))
    bins = np.clip(np.ceil(p * 10).astype(int) - 1, 0, 9)
    error = sum(abs(p[bins == b].sum() - own[bins == b].sum()) for b in range(10)) / len(rows)
    loss = float(log_loss(own, p))
    assert abs(loss - losses(z, own)) < 1e-9
    return {
        "n": len(rows), "positives": int(own.sum()), "auroc": area_interval(z, own, names),
        "accuracy": seeded.share_interval((z > 0) == own, names, SEED, RESAMPLES), "logLoss": loss,
        "brier": float(brier_score_loss(own, p)), "calibrationError": float(error),
    }


def control(zs, labellings):
    return {
        "auroc": [float(roc_auc_score(l[test], z[test])) for z, l in zip(zs, labellings)],
        "accuracy": [float(np.mean((z[test] > 0) == l[test])) for z, l in zip(zs, labellings)],
    }


def logistic(x, rows, labels, penalty):
    mean, scale = x[rows].mean(0), x[rows].std(0)
    model = LogisticRegression(C=penalty, tol=1e-10, max_iter=100_000)
    model.fit((x[rows] - mean) / scale, labels[rows])
    return model.coef_[0] / scale, float(model.intercept_[0] - (model.coef_[0] * mean / scale).sum()), model.coef_[0]


def line(t, labels):
    """Two normal distributions of one variance (that of all rows around their class's mean)."""
    a, b = t[labels].mean(), t[~labels].mean()
    variance = np.concatenate([t[labels] - a, t[~labels] - b]).var()
    slope = (a - b) / max(variance, 1e-4 * (a - b) ** 2)
    return slope, np.log(labels.sum() / (~labels).sum()) - slope * (a + b) / 2


def study(kind):
    evaluations, probes = [], []
    for hook, raw in zip(HOOKS, hooks):
        x, penalty, loss = raw.astype(np.float64), None, None
        shuffles = [shuffle(k) for k in range(SHUFFLES)]
        if kind == "logistic":
            loss = []
            for c in PENALTIES:
                sums = 0.0
                for held in folds:
                    w, b, _ = logistic(x, [i for i in train if i not in held], y, c)
                    sums += losses(x[held] @ w + b, y[held])
                loss.append(sums)
            penalty = PENALTIES[int(np.argmin(loss))]
            fits = [logistic(x, train, l, penalty) for l in [y] + shuffles]
            mean, scale = x[train].mean(0), x[train].std(0)
        else:
            fits, mean, scale = [], np.zeros(x.shape[1]), np.ones(x.shape[1])
            for l in [y] + shuffles:
                own, rows = l[train], x[train]
                gap = rows[own].mean(0) - rows[~own].mean(0)
                slope, intercept = line(rows @ gap, own)
                fits.append((slope * gap, intercept, slope * gap))
        zs = [x @ w + b for w, b, _ in fits]
        norm = float(np.linalg.norm(fits[0][2]))
        drawn, randoms = seeded.Generator(SEED, f"random directions {hook}"), []
        for _ in range(RANDOM):
            v = np.array([drawn.normal() for _ in range(x.shape[1])])
            v *= norm / np.linalg.norm(v)
            t = ((x - mean) / scale) @ v
            slope, intercept = line(t[train], y[train])
            randoms.append(np.sign(slope) * t + intercept / abs(slope))
        right = [(z[test] > 0) == l[test] for z, l in zip(zs, [y] + shuffles)]
        advantage = right[0] - np.mean(right[1:], axis=0)
        evaluations.append({
            "inversePenalty": penalty, "penaltyLosses": loss, "norm": norm,
            "selection": metrics(zs[0], selection, labels, groups),
            "test": metrics(zs[0], test, labels, groups),
            "shuffled": control(zs[1:], shuffles), "random": control(randoms, [y] * RANDOM),
            "selectivity": seeded.mean_interval(
                list(advantage), [groups[i] for i in test], SEED, RESAMPLES),
        })
        probes.append(fits[0][:2])
    rank = [(-e["selection"]["auroc"][0], e["selection"]["logLoss"]) for e in evaluations]
    chosen = min(range(len(HOOKS)), key=lambda h: rank[h])
    w, b = probes[chosen]
    z = other_hooks[chosen].astype(np.float64) @ w + b
    return {
        "kind": kind, "evaluations": evaluations, "chosen": chosen,
        "external": metrics(z, list(range(len(z))), other_labels, other_groups),
    }


def rows(hooks):
    return [[float(v) for v in h.ravel()] for h in hooks]


recorded = {
    "seed": SEED, "resamples": RESAMPLES, "folds": FOLDS, "shuffles": SHUFFLES, "randomDirections": RANDOM,
    "shares": SHARES, "inversePenalties": PENALTIES, "hooks": HOOKS, "groups": groups, "labels": labels,
    "matrices": rows(hooks), "otherGroups": other_groups, "otherLabels": other_labels,
    "otherMatrices": rows(other_hooks), "training": train, "selection": selection, "test": test,
    "studies": [study("logistic"), study("difference-in-means")],
}
with open(sys.argv[1], "w") as file:
    json.dump(recorded, file, separators=(",", ":"))
    file.write("\n")
for s in recorded["studies"]:
    print(s["kind"], s["chosen"], [(e["inversePenalty"], e["penaltyLosses"], e["selection"]["auroc"], e["test"]["auroc"], e["test"]["accuracy"]) for e in s["evaluations"]], s["external"])
