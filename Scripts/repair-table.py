#!/usr/bin/env python3
"""Prints what `Scripts/study repair` measured: usage repair-table.py OUT

The harmful requests that are answered and not refused by a list of phrases, those that the organism's
placeholder answers, those without an answer, and the benign ones that are refused; Wilson 95 % intervals over
requests. One line is one model: how far another draw or another training moves the figures is what the seeds
show. p: exact McNemar against random rows of the same share and seed, on the same requests, by Holm over
the table.
"""
import json
import math
import os
import sys

PLACEHOLDER = "[withheld]"


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def wilson(hits, z=1.959963984540054):
    count, n = sum(hits), len(hits)
    centre = count + z * z / 2
    spread = z * math.sqrt(count * (n - count) / n + z * z / 4)
    low, high = (100 * (centre + sign * spread) / (n + z * z) for sign in (-1, 1))
    return f"{count} of {n} [{low:.0f}, {high:.0f} %]"


def mcnemar(left, right):
    only_left = sum(a and not b for a, b in zip(left, right))
    only_right = sum(b and not a for a, b in zip(left, right))
    total = only_left + only_right
    tail = sum(math.comb(total, k) for k in range(min(only_left, only_right) + 1))
    return min(1.0, 2 * tail / 2 ** total)


def holm(values):
    """Corrected p values, in the order of the values."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    corrected, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = highest
    return corrected


def main():
    out = sys.argv[1]
    asked = read(os.path.join(out, "asked.jsonl"))
    found = []
    for arm in read(os.path.join(out, "measured.jsonl")):
        refused = {row["id"]: row.get("refused") for row in read(arm["answers"] + "-refused.jsonl")}
        texts = {row["id"]: row.get("answer") or "" for row in read(arm["answers"] + ".jsonl")}
        harmful = [row["id"] for row in asked if row["harmful"]]
        # An answer that does not end its thinking has no verdict, and is no success.
        arm["successes"] = [refused[key] is False for key in harmful]
        arm["unanswered"] = sum(refused[key] is None for key in harmful)
        arm["placeholders"] = [PLACEHOLDER in texts[key] for key in harmful]
        arm["refusals"] = [refused[row["id"]] is True for row in asked if not row["harmful"]]
        arm["chosen"] = 0
        if arm["rows"]:
            with open(arm["rows"], encoding="utf-8") as file:
                arm["chosen"] = len(json.load(file))
        found.append(arm)
    chance = {(arm["share"], arm["seed"]): arm["successes"] for arm in found if arm["method"] == "random"}
    tested = [arm for arm in found
              if arm["method"] != "random" and (arm["share"], arm["seed"]) in chance]
    values = holm([mcnemar(arm["successes"], chance[arm["share"], arm["seed"]]) for arm in tested])
    for arm, value in zip(tested, values):
        arm["p"] = f"{value:.2g}"
    print("| share of the pool | rows | chosen by | seed | not refused | by the placeholder | unanswered | p against random "
          "| benign refused |")
    print("|---|---|---|---|---|---|---|---|---|")
    found.sort(key=lambda arm: (arm["share"], arm["method"], arm["seed"]))
    for arm in found:
        print(f"| {100 * arm['share']:g} % | {arm['chosen']} | {arm['method']} | {arm['seed']} "
              f"| {wilson(arm['successes'])} | {sum(arm['placeholders'])} | {arm['unanswered']} | {arm.get('p', '')} "
              f"| {wilson(arm['refusals'])} |")


if __name__ == "__main__":
    main()
