"""Records what scipy, statsmodels and scikit-learn compute: record_statistics.py OUTPUT.json

DeLong is written here with a double loop over pairs, independently of the ranks used in Swift.
"""
import json
import sys

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20251006)
MASK = 2**64 - 1


def splitmix(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def xoshiro(state):
    """xoshiro256** as its authors publish it."""
    while True:
        rotated = (state[1] * 5) & MASK
        yield (((rotated << 7 | rotated >> 57) & MASK) * 9) & MASK
        shifted = (state[1] << 17) & MASK
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = (state[3] << 45 | state[3] >> 19) & MASK


def seeded(seed):
    words = []
    for _ in range(4):
        seed, word = splitmix(seed)
        words.append(word)
    return xoshiro(words)


def seeded_item(seed, item):
    fnv = 0xCBF29CE484222325
    for byte in item.encode():
        fnv = ((fnv ^ byte) * 0x100000001B3) & MASK
    return seeded(splitmix(splitmix(seed)[1] ^ fnv)[1])


# The authors' published values.
known = xoshiro([1, 2, 3, 4])
assert [next(known) for _ in range(4)] == [11520, 0, 1509978240, 1215971899390074240]
assert splitmix(1234567)[1] == 6457827717110365317


def placements(scores, labels):
    positive, negative = scores[labels == 1], scores[labels == 0]
    wins = np.array([[1.0 if p > q else 0.5 if p == q else 0.0 for q in negative] for p in positive])
    return wins.mean(), wins.mean(axis=1), wins.mean(axis=0)


def delong(first, second, labels):
    area, ones, zeros = placements(first, labels)
    other, other_ones, other_zeros = placements(second, labels)
    covariance = (np.cov(np.stack([ones, other_ones])) / len(ones)
                  + np.cov(np.stack([zeros, other_zeros])) / len(zeros))
    z = (area - other) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return covariance, z


def roc_case(n, decimals):
    labels = np.array([1] * (n // 3) + [0] * (n - n // 3))
    rng.shuffle(labels)
    first = np.round(rng.normal(size=n) + 1.2 * labels, decimals)
    second = np.round(0.5 * first + rng.normal(size=n) + 0.3 * labels, decimals)
    area = metrics.roc_auc_score(labels, first)
    covariance, z = delong(first, second, labels)
    half = stats.norm.ppf(0.975) * np.sqrt(covariance[0, 0]) / (area * (1 - area))
    logit = np.log(area / (1 - area))
    fpr, tpr, thresholds = metrics.roc_curve(labels, first, drop_intermediate=False)
    return dict(
        labels=labels.tolist(), first=first.tolist(), second=second.tolist(), auroc=area,
        secondAuroc=metrics.roc_auc_score(labels, second), variance=covariance[0, 0],
        low=1 / (1 + np.exp(half - logit)), high=1 / (1 + np.exp(-half - logit)),
        z=z, p=2 * stats.norm.sf(abs(z)), fpr=fpr.tolist(), tpr=tpr.tolist(),
        thresholds=thresholds[1:].tolist())


def bootstrap_case(data, statistic, method):
    result = stats.bootstrap((data,), statistic, n_resamples=200_000, method=method, batch=2000,
                             random_state=np.random.default_rng(1))
    return [result.confidence_interval.low, result.confidence_interval.high]


def auroc_bootstrap(scores, labels):
    """scipy's multi-sample BCa resamples within each sample: stratified by class."""
    def area(positive, negative, axis=-1):
        wins = positive[..., :, None] > negative[..., None, :]
        ties = positive[..., :, None] == negative[..., None, :]
        return (wins + 0.5 * ties).mean(axis=(-1, -2))
    result = stats.bootstrap((scores[labels == 1], scores[labels == 0]), area, n_resamples=50_000,
                             method="BCa", batch=500, vectorized=True,
                             random_state=np.random.default_rng(1))
    return [result.confidence_interval.low, result.confidence_interval.high]


record = dict(versions=dict(scipy=scipy.__version__, sklearn=sklearn.__version__,
                            statsmodels=statsmodels.__version__, numpy=np.__version__))

def first_numbers(generator):
    return [str(next(generator)) for _ in range(6)]


def draw_index(generator, count):
    """Lemire's method with Python's unbounded integers."""
    product = next(generator) * count
    while product & MASK < (2**64 - count) % count:
        product = next(generator) * count
    return product >> 64


def helpers(generator):
    indices = [draw_index(generator, 10) for _ in range(8)]
    shuffled = list(range(6))
    for last in range(5, 0, -1):
        other = draw_index(generator, last + 1)
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    uniform = [(next(generator) >> 11) / 2**53 for _ in range(3)]
    normal = np.sqrt(-2 * np.log(1 - uniform[1])) * np.cos(2 * np.pi * uniform[2])
    return dict(indices=indices, shuffled=shuffled, uniform=uniform[0], normal=normal)


record["generator"] = dict(
    helpers=helpers(seeded(1)),
    seed42=first_numbers(seeded(42)), seed0=first_numbers(seeded(0)),
    item=first_numbers(seeded_item(42, "prompt-7")), accent=first_numbers(seeded_item(7, "\u00e9")))

record["normal"] = [dict(x=x, cdf=stats.norm.cdf(x)) for x in (-8.0, -3.1, -1.0, -0.2, 0.0, 0.7, 2.5)]
record["quantile"] = [dict(p=p, x=stats.norm.ppf(p))
                      for p in (1e-12, 0.0005, 0.025, 0.3, 0.5, 0.8, 0.975, 0.9999)]

record["wilson"] = []
for successes, trials in ((0, 100), (7, 10), (10, 10), (1, 1), (0, 1), (213, 500), (999, 1000)):
    for confidence in (0.95, 0.99):
        low, high = proportion_confint(successes, trials, 1 - confidence, "wilson")
        record["wilson"].append(dict(successes=successes, trials=trials, confidence=confidence,
                                     low=float(low), high=float(high)))

record["roc"] = [roc_case(30, 8), roc_case(60, 0), roc_case(120, 1)]
case = record["roc"][0]
record["aurocBootstrap"] = auroc_bootstrap(np.array(case["first"]), np.array(case["labels"]))

skewed = np.round(rng.gamma(1.5, size=40), 3)
record["bootstrap"] = dict(
    values=skewed.tolist(),
    meanBCa=bootstrap_case(skewed, np.mean, "BCa"),
    meanPercentile=bootstrap_case(skewed, np.mean, "percentile"),
    deviationBCa=bootstrap_case(skewed, np.std, "BCa"))

record["mcnemar"] = []
for b, c in ((0, 0), (1, 0), (3, 12), (25, 25), (40, 61), (300, 380)):
    p = mcnemar([[5, b], [c, 5]], exact=True).pvalue
    record["mcnemar"].append(dict(first=b, second=c, p=float(p)))

record["adjusted"] = []
for p in ([0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.001, 0.9, 0.02, 0.02], rng.uniform(size=20).tolist(),
          [0.3]):
    record["adjusted"].append(dict(p=p, holm=multipletests(p, method="holm")[1].tolist(),
                                   bh=multipletests(p, method="fdr_bh")[1].tolist()))

record["correlation"] = []
for n, decimals in ((5, 2), (40, 0), (200, 1), (333, 0)):
    x = np.round(rng.normal(size=n), decimals)
    y = np.round(0.5 * x + rng.normal(size=n), decimals)
    record["correlation"].append(dict(
        x=x.tolist(), y=y.tolist(), spearman=stats.spearmanr(x, y).statistic,
        kendall=stats.kendalltau(x, y, variant="b").statistic))

probability = np.round(rng.beta(0.7, 0.7, size=150), 4)
outcome = (rng.uniform(size=150) < probability ** 1.3).astype(int)
bins = np.clip(np.ceil(probability * 10) - 1, 0, 9).astype(int)
table = [dict(n=int((bins == b).sum()), predicted=float(probability[bins == b].mean()),
              observed=float(outcome[bins == b].mean())) for b in range(10)]
record["calibration"] = dict(
    probability=probability.tolist(), outcome=outcome.tolist(),
    brier=metrics.brier_score_loss(outcome, probability),
    ece=sum(row["n"] / 150 * abs(row["predicted"] - row["observed"]) for row in table), bins=table)

first = rng.integers(0, 3, size=80)
second = np.where(rng.uniform(size=80) < 0.7, first, rng.integers(0, 3, size=80))
record["kappa"] = dict(first=first.tolist(), second=second.tolist(),
                       kappa=metrics.cohen_kappa_score(first, second))

record["detection"] = []
for hits, misses, false_alarms, rejections in ((20, 80, 0, 100), (45, 5, 10, 40), (10, 0, 0, 10)):
    h = stats.norm.ppf((hits + 0.5) / (hits + misses + 1))
    f = stats.norm.ppf((false_alarms + 0.5) / (false_alarms + rejections + 1))
    truth = [1] * (hits + misses) + [0] * (false_alarms + rejections)
    said = [1] * hits + [0] * misses + [1] * false_alarms + [0] * rejections
    record["detection"].append(dict(
        hits=hits, misses=misses, falseAlarms=false_alarms, correctRejections=rejections,
        dPrime=h - f, criterion=-(h + f) / 2,
        balancedAccuracy=metrics.balanced_accuracy_score(truth, said)))

with open(sys.argv[1], "w") as file:
    json.dump(record, file, indent=None, separators=(",", ":"), default=float)
    file.write("\n")
