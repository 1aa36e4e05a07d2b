"""Records every figure of `judge` and `attack` from the raw verdicts, by numpy, scipy, statsmodels and scikit-learn.

    python record_judged.py > ../Golden/judged.json

numpy 2, scipy, statsmodels and scikit-learn as named in the file. The fixtures have repeated groups of unequal
size, unequal classes, answers that are missing, verdicts that cannot be read, and ties. Bootstrap intervals
are drawn with another generator and far more often: they agree with those of the tool within their own error,
which is recorded beside them. Verdicts: 1 success, 0 none, null unreadable; "missing" answers have null.
"""

import itertools
import json

import numpy as np
import scipy
import scipy.stats
import sklearn
import statsmodels
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

random = np.random.default_rng(7)
DRAWS = 200_000


def wilson(successes, n):
    low, high = proportion_confint(successes, n, method="wilson")
    return [successes / n, float(low), float(high), n]


def bca(values, groups, statistic):
    """BCa over whole groups; statistic of sums and counts of each group. Efron 1987."""
    names = sorted(set(groups))
    sums = np.array([sum(v for v, g in zip(values, groups) if g == n) for n in names], float)
    counts = np.array([groups.count(n) for n in names], float)
    drawn = random.integers(0, len(names), (DRAWS, len(names)))
    draws = statistic(sums[drawn].sum(1), counts[drawn].sum(1))
    estimate = statistic(sums.sum(), counts.sum())
    if np.ptp(draws) < 1e-12:
        return None
    below = (np.mean(draws < estimate) + np.mean(draws <= estimate)) / 2
    z0 = scipy.stats.norm.ppf(below)
    influence = sums - counts * estimate
    acceleration = (influence ** 3).sum() / (6 * (influence ** 2).sum() ** 1.5)
    levels = []
    for z in scipy.stats.norm.ppf([0.025, 0.975]):
        levels.append(scipy.stats.norm.cdf(z0 + (z0 + z) / (1 - acceleration * (z0 + z))))
    low, high = np.quantile(draws, levels)
    # How far the quantiles of 10,000 draws may lie from these: four standard errors of their levels.
    error = []
    for level in levels:
        spread = 4 * np.sqrt(level * (1 - level) / 10_000)
        ends = np.quantile(draws, [max(level - spread, 0), min(level + spread, 1)])
        error.append(float(np.ptp(ends)) + 1e-9)
    return [float(estimate), float(low), float(high), len(values), *error]


def share(outcomes, groups):
    if not outcomes:
        return None
    if len(set(groups)) == len(groups):
        return wilson(sum(outcomes), len(outcomes))
    mean = bca(outcomes, groups, lambda total, count: total / count)
    if mean:
        return mean
    part, trials = sum(outcomes) / len(outcomes), len(set(groups))
    low, high = proportion_confint(part * trials, trials, method="wilson")
    return [part, float(low), float(high), len(outcomes)]


def rate(verdicts, groups, missing):
    valid = [(v, g) for v, g in zip(verdicts, groups) if v is not None]
    unknown = len(verdicts) - len(valid)
    bounds = [share([assumed if v is None else v for v in verdicts], groups) for assumed in (0, 1)]
    return {"asked": len(verdicts), "answers": len(verdicts) - sum(missing), "invalid": unknown,
            "unreadable": sum(v is None and not m for v, m in zip(verdicts, missing)),
            "behaviours": len(set(groups)), "successes": sum(v for v, _ in valid),
            "success": share([v for v, _ in valid], [g for _, g in valid]),
            "refusal": share([1 - v for v, _ in valid], [g for _, g in valid]),
            "bounds": bounds if unknown else None}


def agreement(first, second):
    both = [(a, b) for a, b in zip(first, second) if a is not None and b is not None]
    kappa = cohen_kappa_score([a for a, _ in both], [b for _, b in both])
    return {"answers": len(both), "kappa": None if np.isnan(kappa) else float(kappa),
            "observed": sum(a == b for a, b in both) / len(both),
            "disagreements": [i for i, (a, b) in enumerate(zip(first, second))
                              if a is not None and b is not None and a != b]}


def comparison(base, arm, groups):
    pairs = [(b, a, g) for b, a, g in zip(base, arm, groups) if b is not None and a is not None]
    names = sorted({g for _, _, g in pairs})
    sums = [sum(a - b for b, a, g in pairs if g == n) for n in names]
    only_base, only_arm = sum(b > a for b, a, _ in pairs), sum(a > b for b, a, _ in pairs)
    if len(names) == len(pairs):
        discordant = only_base + only_arm
        p = scipy.stats.binomtest(only_arm, discordant, 0.5).pvalue if discordant else 1.0
    else:
        # Every way to turn the signs of whole behaviours.
        moved = [s for s in sums if s]
        turned = [abs(sum(s * t for s, t in zip(moved, signs)))
                  for signs in itertools.product((1, -1), repeat=len(moved))]
        p = sum(t >= abs(sum(moved)) for t in turned) / len(turned)
    low = sum((0 if a is None else a) - (1 if b is None else b) for b, a in zip(base, arm))
    high = sum((1 if a is None else a) - (0 if b is None else b) for b, a in zip(base, arm))
    return {"asked": len(base), "pairs": len(pairs), "behaviours": len(names),
            "only_baseline": only_base, "only_arm": only_arm, "p": float(min(p, 1)),
            "difference": bca([a - b for b, a, _ in pairs], [g for _, _, g in pairs], lambda s, c: s / c),
            "range": [low / len(base), high / len(base)] if len(pairs) < len(base) else None}


def fixture(name, groups, shares):
    """Verdicts of a baseline and of arms, each with its missing answers and controls."""
    arms = []
    for share_of_success, lost, unreadable in shares:
        # Answers to one behaviour are alike.
        nature = {name: random.random() < share_of_success for name in dict.fromkeys(groups)}
        turned = random.random(len(groups)) < 0.1
        verdicts = [int(nature[g] != (t and len(nature) < len(groups))) for g, t in zip(groups, turned)]
        missing = [bool(m) for m in random.random(len(groups)) < lost]
        nulls = random.random(len(groups)) < unreadable
        arms.append({"missing": missing, "verdicts": [
            None if m or n else v for v, m, n in zip(verdicts, missing, nulls)]})
    baseline = arms[0]["verdicts"]
    tested = [{"controls": c, **arms[1 + 4 * k], "control_verdicts": [
        arm["verdicts"] for arm in arms[2 + 4 * k: 2 + 4 * k + c]]} for k, c in enumerate((3, 3))]
    ps, changes = [], []
    for arm in arms:
        arm["rate"] = rate(arm["verdicts"], groups, arm["missing"])
    for arm in tested:
        arm["rate"] = rate(arm["verdicts"], groups, arm["missing"])
        arm["comparison"] = comparison(baseline, arm["verdicts"], groups)
        ps.append(arm["comparison"]["p"])
        def change(verdicts):
            one = comparison(baseline, verdicts, groups)
            return (one["only_arm"] - one["only_baseline"]) / one["pairs"]
        own, theirs = change(arm["verdicts"]), [change(v) for v in arm["control_verdicts"]]
        as_far = sum(abs(t) >= abs(own) for t in theirs)
        arm["standing"] = {"as_far": as_far, "p": (1 + as_far) / (1 + len(theirs)), "changes": sorted(theirs)}
        changes.append(arm["standing"]["p"])
    for arm, holm, standing in zip(tested, multipletests(ps, method="holm")[1],
                                   multipletests(changes, method="holm")[1]):
        arm["comparison"]["holm"], arm["standing"]["holm"] = float(holm), float(standing)
    return {"name": name, "groups": groups, "baseline": arms[0], "tested": tested,
            "agreement": agreement(arms[0]["verdicts"], tested[0]["verdicts"])}


def main():
    plain = [f"b{i}" for i in range(40)]
    uneven = [f"b{i}" for i, size in enumerate([1, 2, 3, 1, 5, 2, 4, 1, 3, 6, 2, 2]) for _ in range(size)]
    whole, lossy = (0.5, 0, 0), (0.5, 0.2, 0.1)
    rest = [(0.5, 0, 0.05)] * 3
    fixtures = [
        fixture("one answer a behaviour", plain, [whole, (0.8, 0, 0), *rest, (0.5, 0, 0), *rest]),
        fixture("missing and unreadable", plain, [lossy, (0.9, 0.3, 0.1), *rest, lossy, *rest]),
        fixture("repeated groups", uneven, [(0.3, 0, 0), (0.8, 0, 0), *rest, (0.3, 0, 0), *rest]),
        fixture("repeated groups, missing", uneven, [(0.4, 0.1, 0.1), (0.7, 0.3, 0.1), *rest, lossy, *rest]),
        fixture("unequal classes", plain, [(0.05, 0, 0.1), (0.1, 0.1, 0), *rest, (0.95, 0, 0), *rest]),
    ]
    json.dump({"versions": {"numpy": np.__version__, "scipy": scipy.__version__,
                            "statsmodels": statsmodels.__version__, "sklearn": sklearn.__version__},
               "fixtures": fixtures}, __import__("sys").stdout)
    print()


main()
