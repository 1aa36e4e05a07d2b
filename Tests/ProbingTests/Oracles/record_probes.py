"""Records what scikit-learn and PyTorch make of small probing problems.

    python record_probes.py ../Golden/probes.json

Features are 32-bit floats with very different means and scales, as residual streams have.
"""
import json
import sys

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler


def features(generator, rows, width, gap):
    labels = generator.random(rows) < 0.4
    x = generator.normal(size=(rows, width)) @ generator.normal(size=(width, width)) / width**0.5
    x[labels] += gap * generator.normal(size=width)
    x = x * 10.0 ** generator.uniform(-2, 2, width) + 20 * generator.normal(size=width)
    return np.round(x, 4).astype(np.float32), labels


def logistic(x, labels, inverse_penalty, weights=None):
    model = LogisticRegression(C=inverse_penalty, tol=1e-12, max_iter=100_000)
    model.fit(x, labels, sample_weight=weights)
    scores = model.decision_function(x)
    return {
        "inversePenalty": inverse_penalty,
        "rowWeights": None if weights is None else weights.tolist(),
        "weight": model.coef_[0].tolist(),
        "bias": float(model.intercept_[0]),
        "auroc": float(roc_auc_score(labels, scores)),
        "logLoss": float(log_loss(labels, model.predict_proba(x)[:, 1])),
    }


def problem(name, seed, rows, width, gap):
    generator = np.random.default_rng(seed)
    raw, labels = features(generator, rows, width, gap)
    scaler = StandardScaler().fit(raw.astype(np.float64))
    x = scaler.transform(raw.astype(np.float64))
    weights = np.round(generator.uniform(0.2, 2, rows), 3)
    fits = [logistic(x, labels, c) for c in (0.01, 1.0, 100.0)] + [logistic(x, labels, 0.3, weights)]
    residuals = x - np.where(labels[:, None], x[labels].mean(0), x[~labels].mean(0))
    shrinkage = float(ledoit_wolf_shrinkage(residuals, assume_centered=True))
    # With one number for the shrinkage, that of the pooled covariance is that of each class.
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(x, labels)
    return {
        "name": name,
        "rows": rows,
        "width": width,
        "features": [float(v) for v in raw.ravel()],
        "labels": labels.tolist(),
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "logistic": fits,
        "shrinkage": shrinkage,
        "massMeanWeight": lda.coef_[0].tolist(),
        "massMeanBias": float(lda.intercept_[0]),
    }


def one_feature():
    """The logit of one projection: linear discriminant analysis of a single feature."""
    generator = np.random.default_rng(5)
    labels = generator.random(50) < 0.3
    t = np.round(generator.normal(size=50) + 1.5 * labels, 4)
    lda = LinearDiscriminantAnalysis(solver="lsqr").fit(t[:, None], labels)
    return {
        "projections": t.tolist(),
        "labels": labels.tolist(),
        "slope": float(lda.coef_[0, 0]),
        "intercept": float(lda.intercept_[0]),
    }


def adam():
    generator = np.random.default_rng(11)
    raw, labels = features(generator, 100, 6, 2.0)
    raw = (raw - raw.mean(0)) / raw.std(0)
    raw = np.round(raw, 4).astype(np.float32)
    start = np.round(generator.uniform(-0.4, 0.4, 7), 4)
    validation = list(range(80, 100))
    orders = [generator.permutation(80).tolist() for _ in range(5)]
    x = torch.tensor(raw, dtype=torch.float64)
    y = torch.tensor(labels, dtype=torch.float64)
    linear = torch.nn.Linear(6, 1).double()
    with torch.no_grad():
        linear.weight[0] = torch.tensor(start[:6])
        linear.bias[0] = start[6]
    optimizer = torch.optim.Adam(linear.parameters(), lr=1e-3)
    best = (-1.0, None, None)
    for order in orders:
        for first in range(0, 80, 64):
            rows = order[first : first + 64]
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(linear(x[rows])[:, 0], y[rows])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            right = (linear(x[validation])[:, 0] > 0) == (y[validation] > 0)
        accuracy = right.double().mean().item()
        if accuracy > best[0]:
            best = (accuracy, linear.weight[0].tolist(), linear.bias[0].item())
    return {
        "rows": 100,
        "width": 6,
        "features": [float(v) for v in raw.ravel()],
        "labels": labels.tolist(),
        "start": start.tolist(),
        "orders": orders,
        "validation": validation,
        "accuracy": best[0],
        "weight": best[1],
        "bias": best[2],
    }


if __name__ == "__main__":
    recorded = {
        "problems": [
            problem("tall", 1, 160, 8, 0.7),
            problem("wide", 2, 40, 60, 0.5),
            problem("separable", 3, 60, 20, 6.0),
        ],
        "oneFeature": one_feature(),
        "adam": adam(),
    }
    with open(sys.argv[1], "w") as file:
        json.dump(recorded, file, indent=None, separators=(",", ":"))
        file.write("\n")
