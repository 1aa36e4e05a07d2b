"""The documented draws of Bathyscope, written again from their papers, and intervals from them.

xoshiro256** (Blackman and Vigna 2018) with its state from SplitMix64 (Steele et al. 2014), FNV-1a names,
Lemire's bounded integers, Box and Muller's normals, Fisher and Yates's order. Oracles import it, so that what
they compute is held to the last digit and not only in distribution. Needs numpy and scipy.
"""
import math

import numpy as np
from scipy import stats

MASK = (1 << 64) - 1


def split_mix(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return state, z ^ z >> 31


def name_hash(seed, text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return split_mix(split_mix(seed)[1] ^ value)[1]


class Generator:
    def __init__(self, seed, item=None):
        state = seed if item is None else name_hash(seed, item)
        self.s = []
        for _ in range(4):
            state, value = split_mix(state)
            self.s.append(value)

    def next(self):
        def rotate(value, count):
            return (value << count | value >> (64 - count)) & MASK

        s = self.s
        result = rotate(s[1] * 5 & MASK, 7) * 9 & MASK
        shifted = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 45)
        return result

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def index(self, count):
        product = self.next() * count
        if product & MASK < count:
            threshold = (1 << 64) % count
            while product & MASK < threshold:
                product = self.next() * count
        return product >> 64

    def normal(self):
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        return radius * math.cos(2 * math.pi * self.uniform())

    def shuffled(self, values):
        values = list(values)
        for last in range(len(values) - 1, 0, -1):
            other = self.index(last + 1)
            values[last], values[other] = values[other], values[last]
        return values


def members(names):
    """The places of each name, in the order of first appearance."""
    groups = {}
    for place, name in enumerate(names):
        groups.setdefault(name, []).append(place)
    return groups


def split(shares, groups, strata, seed):
    """Whole groups, the large ones first, each to the part that it brings nearest to its share of every stratum."""
    named = sorted(members(groups).items(), key=lambda g: (-len(g[1]), name_hash(seed, g[0]), g[0]))
    names = sorted(set(strata))
    total = np.array([strata.count(n) for n in names], float)
    filled = np.zeros((len(shares), len(names)))
    parts = [[] for _ in shares]
    for index, (_, items) in enumerate(named):
        gain = np.array([sum(strata[i] == n for i in items) for n in names], float)
        costs = [
            sum(
                (2 * a * (f / t - share) + a * a) / share
                for a, f, t in zip(gain / total, filled[part], total)
            )
            for part, share in enumerate(shares)
        ]
        empty = [p for p in range(len(shares)) if not parts[p]]
        allowed = empty if len(empty) >= len(named) - index else range(len(shares))
        part = min(allowed, key=lambda p: costs[p])
        parts[part] += items
        filled[part] += gain
    return [sorted(part) for part in parts]


def draws(units, resamples, seed):
    generator = Generator(seed, "bootstrap")
    for _ in range(resamples):
        yield [generator.index(units) for _ in range(units)]


def bca(estimate, values, influences, resamples):
    """Efron's BCa bounds (1987) as [estimate, low, high], None where resampling says nothing."""
    # Rounded, so that equal values are equal whatever the order of their sums.
    estimate, values = round(estimate, 12), np.round([v for v in values if v is not None], 12)
    if len(values) * 20 < resamples * 19 or np.ptp(values) <= 1e-12 * np.abs(values).max():
        return None
    levels = np.array([0.025, 0.975])
    below = stats.percentileofscore(values, estimate, kind="mean") / 100
    if 0 < below < 1:
        influences = np.asarray(influences, float)
        squares = (influences**2).sum()
        a = (influences**3).sum() / (6 * squares**1.5) if squares > 0 else 0.0
        shifted = stats.norm.ppf(below) + stats.norm.ppf(levels)
        levels = stats.norm.cdf(stats.norm.ppf(below) + shifted / (1 - a * shifted))
    return [float(estimate)] + [float(q) for q in np.quantile(values, levels)]


def mean_interval(values, groups, seed, resamples):
    """The mean of items, whole groups drawn."""
    units = list(members(groups).values())
    if len(units) < 2:
        return None
    sums = np.array([sum(values[i] for i in unit) for unit in units])
    counts = np.array([len(unit) for unit in units], float)
    mean = sums.sum() / counts.sum()
    drawn = [sums[d].sum() / counts[d].sum() for d in draws(len(units), resamples, seed)]
    return bca(mean, drawn, sums - counts * mean, resamples)


def wilson(share, trials):
    z = stats.norm.ppf(0.975)
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    return [share, max(centre - half, 0.0), min(centre + half, 1.0)]


def share_interval(outcomes, groups, seed, resamples):
    """A share of yes: Wilson's interval for single items, else whole groups drawn."""
    share = float(np.mean(outcomes))
    if len(set(groups)) == len(groups):
        return wilson(share, len(groups))
    return mean_interval([float(o) for o in outcomes], groups, seed, resamples) or wilson(
        share, len(set(groups))
    )
