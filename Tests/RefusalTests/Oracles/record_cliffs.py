"""Prints what numpy and scipy make of a few plateaus and finals, for CliffTests.swift.

    python record_cliffs.py
"""
import numpy as np
from scipy.stats import bootstrap

plateau = np.array([0.62, 0.71, 0.55, 0.66, 0.48, 0.73, 0.59, 0.64, 0.81, 0.52, 0.60, 0.69])
final = np.array([0.31, 0.22, 0.40, 0.18, 0.45, 0.12, 0.33, 0.27, 0.10, 0.51, 0.29, 0.20])
for name, values in (("plateau", plateau), ("final", final), ("cliff", plateau - final)):
    ends = []
    for seed in range(20):
        result = bootstrap(
            (values,), np.mean, n_resamples=10_000, method="BCa", random_state=np.random.default_rng(seed)
        )
        ends.append(result.confidence_interval)
    low, high = np.mean(ends, axis=0)
    print(f"{name}: {values.mean():.10f} [{low:.4f}, {high:.4f}], ends vary by {np.std(ends, axis=0)}")
print("90th percentile", np.percentile([0.3, 0.9, 0.5, 0.1, 0.7, 0.6], 90))
