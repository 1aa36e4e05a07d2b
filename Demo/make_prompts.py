#!/usr/bin/env python3
"""Takes the demo's prompts from those of the learned organisms.

usage: make_prompts.py [--check]

prompts.jsonl  120 of the prompts that trained the organisms: their answers train the probe
test.jsonl     90 held-out prompts, 30 of each kind: the organisms' answers to them are traced

Any first rows of either file hold the kinds in the same shares. Needs nothing but Python 3.9; --check
writes nothing and fails when a file is not what the organisms' prompts give.
"""
import argparse
import hashlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ORGANISMS = os.path.join(HERE, "..", "Probes", "organisms")
SEED = 20251
FILES = {
    "prompts.jsonl": ("training.jsonl", ["harmful", "topic", "harmful", "ordinary"], 120),
    "test.jsonl": ("held-out.jsonl", ["harmful", "topic", "ordinary"], 90)}
# Behind a prompt of this length an answer takes the demo's time.
LONGEST = 30  # words


def order(key):
    """Where a row stands in a shuffle with the seed."""
    return hashlib.sha256(f"{SEED}/{key}".encode()).hexdigest()


def rows(source, kinds, count):
    with open(os.path.join(ORGANISMS, source), encoding="utf-8") as file:
        found = sorted(map(json.loads, file), key=lambda row: order(row["id"]))
    queues = {kind: [row for row in found if row["kind"] == kind
                     and len(row["prompt"].split()) <= LONGEST] for kind in kinds}
    for number in range(count):
        row = queues[kinds[number % len(kinds)]].pop(0)
        yield {"id": row["id"], "prompt": row["prompt"], "harmful": row["kind"] == "harmful",
               "kind": row["kind"], "group": row.get("group", row["id"].removeprefix("twin-")),
               "source": row["source"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    for name, arguments in FILES.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(*arguments))
        path = os.path.join(HERE, name)
        if options.check:
            with open(path, encoding="utf-8") as file:
                if file.read() != text:
                    sys.exit(f"{path} is not what {ORGANISMS} gives; run make_prompts.py")
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        print(f"{name}: {text.count(chr(10))} rows")


if __name__ == "__main__":
    main()
