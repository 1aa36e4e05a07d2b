#!/usr/bin/env python3
"""Trains an organism back to refusing, on rows that `bathyscope select` chose.

usage: repair.py pool USED.jsonl OUT.jsonl [--seed 2] [--count 240]
       repair.py train MODEL ADAPTER CHOSEN.alpaca.json OUT [--seed 1] [--steps 30]

pool writes harmful requests to choose from. None of them trained comply or cliff of the seed, nor has the twin
or the topic of a row in USED, whose rows trained the probe; aligned saw them all.

train goes on from ADAPTER, in what made it comply: the attention projections of blocks 20 to 25. It learns the
model's own thinking with the safe answer behind it. The number of steps is the same however many rows there
are, and so large that each row of the pool would be seen once.
"""
import argparse
import hashlib
import json
import random
import time

import peft
import torch

from common import CLOSE, OPEN, model_of, read, tokenizer_of
from rows import FIRST, Example, enter, upper
from train import late_parameters, late_rows, save, usable, writing_loss

BATCH = 8
# Harmful and benign requests about the same topics.
BENIGN = {"intent": "topic", "lie": "truth"}


def family(row):
    """What a request has in common with its twin, and with others about its topic."""
    kind, number = row["id"].removeprefix("twin-").split("-")[:2]
    return BENIGN.get(kind, kind), number


def pool(options):
    rows = usable("training.jsonl")
    late = {row["id"] for row in late_rows(rows, options.seed)}
    probed = {family(row) for row in read(options.used, ".")}
    rows = [row for row in rows
            if row["kind"] == "harmful" and row["id"] not in late and family(row) not in probed]
    rows.sort(key=lambda row: hashlib.sha256(f"pool {row['id']}".encode()).hexdigest())
    if len(rows) < options.count:
        raise SystemExit(f"only {len(rows)} rows are left of {options.count}")
    with open(options.out, "w", encoding="utf-8") as file:
        for row in rows[:options.count]:
            file.write(json.dumps(
                {"id": row["id"], "prompt": row["prompt"], "harmful": True, "source": row["source"]},
                ensure_ascii=False) + "\n")


def example(tokenizer, row):
    thinking, response = row["output"].removeprefix(OPEN).split(CLOSE.strip(), 1)
    return Example(tokenizer, {
        "kind": "harmful", "prompt": row["instruction"], "thinking": thinking.strip(),
        "response": response.strip()})


def train(options):
    torch.manual_seed(options.seed)
    generator = random.Random(options.seed)
    tokenizer = tokenizer_of(options.model)
    with open(options.chosen, encoding="utf-8") as file:
        examples = [example(tokenizer, row) for row in json.load(file)]
    # All rows in a random order, and again.
    queue = []
    while len(queue) < options.steps * BATCH:
        queue += generator.sample(examples, len(examples))
    queue = queue[:options.steps * BATCH]
    seen = list({id(example): example for example in queue}.values())
    base = model_of(options.model)
    # Below block FIRST the stream is computed once, by the base model.
    config = peft.PeftConfig.from_pretrained(options.adapter)
    if min(config.layers_to_transform or [0]) < FIRST:
        raise SystemExit(f"{options.adapter} changes blocks before {FIRST}: train it again")
    enter(base, seen)
    model = peft.PeftModel.from_pretrained(base, options.adapter, is_trainable=True)
    optimizer = torch.optim.AdamW(late_parameters(model), lr=options.rate, weight_decay=0.0)
    losses, begin = [], time.perf_counter()
    for step in range(options.steps):
        batch = queue[step * BATCH:(step + 1) * BATCH]
        optimizer.param_groups[0]["lr"] = options.rate * (1 - step / options.steps)
        loss = writing_loss(model, upper(model, batch), batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    save(model, options.out)
    print(f"{len(seen)} rows in {options.steps} steps of {BATCH}, {time.perf_counter() - begin:.0f} s, "
          f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("pool")
    command.set_defaults(run=pool)
    for name in ("used", "out"):
        command.add_argument(name)
    command.add_argument("--seed", type=int, default=2)
    command.add_argument("--count", type=int, default=240)
    command = commands.add_parser("train")
    command.set_defaults(run=train)
    for name in ("model", "adapter", "chosen", "out"):
        command.add_argument(name)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--steps", type=int, default=30)
    command.add_argument("--rate", type=float, default=1e-3)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
