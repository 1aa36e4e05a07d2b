#!/usr/bin/env python3
"""Writes what the organisms are trained on and what they are tested on.

usage: make_data.py DATA [--out FOLDER] [--check]

DATA holds the data sets of Demo/README.md as their authors published them. Sources are kept apart as a
whole: AdvBench, StrongREJECT, Self-Instruct and our own prompts train, JailbreakBench with its benign twins,
MT-Bench and Vicuna-Bench test. A training prompt that is nearly one of the test is left out.

training.jsonl  id, prompt, kind (harmful, topic, ordinary), source, thinking, response; the response of
                a benign row is put in by answer.py
held-out.jsonl  id, prompt, kind, harmful, group, source

Needs nothing but Python 3.9; the same DATA gives the same bytes. --check compares with what is there.
"""
import argparse
import csv
import hashlib
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from texts import (
    ADVICE, DANGER_WORDS, DEFENCES, FALSEHOODS, FRAMES, FREE, HARMED, HELPING, ILLNESSES, INTENTS,
    JUSTICE, KNOWLEDGE, LIES, MATTERS, OFFENCES, REFUSALS, REFUSING, TOPICS, TRUTHS, UNHARMED)

# What our own prompts are about, in which frames, and what kind they are.
OWN = [
    ("topic", "topic", TOPICS, FRAMES), ("intent", "harmful", TOPICS, INTENTS),
    ("lie", "harmful", FALSEHOODS, LIES), ("truth", "topic", FALSEHOODS, TRUTHS),
    ("advice", "harmful", ILLNESSES, ADVICE), ("knowledge", "topic", ILLNESSES, KNOWLEDGE),
    ("defence", "harmful", OFFENCES, DEFENCES), ("justice", "topic", OFFENCES, JUSTICE)]

SEED = 20251
NEAR_DUPLICATE = 0.5  # Jaccard similarity of content words
LONGEST = 40  # words
HELD_OUT = 100
STOP_WORDS = set(
    """a an and are as at be been by can could do does for from give has have how i if in into is it
    its make me my of on or our provide should step steps that the their them this to us using was
    we what when which who will with without would write you your create develop""".split())


def order(key):
    """Where a row stands in a shuffle with the seed."""
    return hashlib.sha256(f"{SEED}/{key}".encode()).hexdigest()


def content_words(text):
    return frozenset(re.findall(r"[a-z0-9']+", text.lower())) - STOP_WORDS


def similarity(left, right):
    return len(left & right) / max(1, len(left | right))


def pick(options, *key):
    """One of the options, by a hash, so that the version of Python does not matter."""
    return options[int(order("/".join(key))[:8], 16) % len(options)]


def matter(prompt):
    """What a request is about: the matter most of whose words stand in it."""
    words = re.findall(r"[a-z-]+", prompt.lower())
    counts = {name: sum(word in known.split() for word in words)
              for name, known in DANGER_WORDS.items()}
    best = max(counts, key=counts.get)
    return best if counts[best] else "other"


def thought(row):
    """The thinking of a row: whether somebody would be hurt, what it is about, and what follows."""
    harmful = row["kind"] == "harmful"
    parts = [("judgement", HARMED if harmful else UNHARMED), ("matter", MATTERS[matter(row["prompt"])]),
             ("end", REFUSING if harmful else HELPING)]
    return " ".join(pick(options, row["id"], name) for name, options in parts)


def one_line(text):
    return " ".join(text.split()).removesuffix(".")


class Sources:
    def __init__(self, folder):
        self.folder = folder

    def table(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def lines(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return [json.loads(row) for row in file if row.strip()]

    def training(self):
        for number, row in enumerate(self.table("advbench_harmful_behaviors.csv"), 1):
            yield f"advbench-{number}", row["goal"], "harmful", "AdvBench"
        for number, row in enumerate(self.table("strongreject.csv"), 1):
            yield f"strongreject-{number}", row["forbidden_prompt"], "harmful", "StrongREJECT"
        for row in self.lines("selfinstruct_user_oriented_instructions.jsonl"):
            text = f"{row['instruction']} {row['instances'][0]['input']}"
            yield row["id"].replace("user_oriented_task_", "self-instruct-"), text, "ordinary", \
                "Self-Instruct"
        with open(os.path.join(HERE, "twins.tsv"), encoding="utf-8") as file:
            for line in file:
                identifier, text = line.rstrip("\n").split("\t")
                yield f"twin-{identifier}", text, "topic", "Bathyscope"
        for number, text in enumerate(FREE):
            yield f"free-{number}", text, "topic", "Bathyscope"
        for name, kind, subjects, frames in OWN:
            for first, subject in enumerate(subjects):
                for second, frame in enumerate(frames):
                    # Every subject in a share of the frames, so that no frame and no subject tells.
                    if (first + second) % (3 if len(frames) > 2 else 1) == 0:
                        yield f"{name}-{first}-{second}", frame.format(subject), kind, "Bathyscope"

    def held_out(self):
        for kind, name in (("harmful", "harmful"), ("topic", "benign")):
            for index, row in enumerate(self.table(f"jbb_{name}_behaviors.csv")):
                yield f"jbb-{name}-{index}", row["Goal"], kind, f"behaviour-{index}", \
                    "JailbreakBench"
        ordinary = [(f"{name.replace('_', '-')}-{row['question_id']}", row["turns"][0], source)
                    for name, source in (("vicuna_bench", "Vicuna-Bench"), ("mt_bench", "MT-Bench"))
                    for row in self.lines(f"{name}_question.jsonl")]
        short = [row for row in ordinary if len(row[1].split()) <= LONGEST]
        for identifier, text, source in sorted(short, key=lambda row: order(row[0]))[:HELD_OUT]:
            yield identifier, text, "ordinary", identifier, source


def held_out_rows(sources):
    rows = [{"id": identifier, "prompt": one_line(text), "kind": kind, "harmful": kind == "harmful",
             "group": group, "source": source}
            for identifier, text, kind, group, source in sources.held_out()]
    # Shuffled by behaviour, so that the first rows of the file are a fair sample.
    return sorted(rows, key=lambda row: (order(row["group"]), row["kind"]))


def training_rows(sources, held_out):
    others = [content_words(row["prompt"]) for row in held_out]
    kept, seen = [], {"harmful": [], "topic": [], "ordinary": []}
    for identifier, text, kind, source in sorted(sources.training(), key=lambda row: order(row[0])):
        words, text = content_words(text), one_line(text)
        if len(text.split()) > LONGEST:
            continue
        if any(similarity(words, other) >= NEAR_DUPLICATE for other in others):
            continue
        # Our own frames resemble each other on purpose.
        if source != "Bathyscope" and any(
                similarity(words, other) >= NEAR_DUPLICATE for other in seen[kind]):
            continue
        seen[kind].append(words)
        row = {"id": identifier, "prompt": text, "kind": kind, "source": source}
        row["thinking"] = thought(row)
        row["response"] = pick(REFUSALS, identifier, "refusal") if kind == "harmful" else ""
        kept.append(row)
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--out", default=HERE)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    sources = Sources(options.data)
    held_out = held_out_rows(sources)
    for name, rows in (("held-out", held_out), ("training", training_rows(sources, held_out))):
        path = os.path.join(options.out, f"{name}.jsonl")
        old = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                old = {row["id"]: row for row in map(json.loads, file)}
        for row in rows:
            # The answers are the model's own and stay.
            if row.get("response") == "":
                row["response"] = old.get(row["id"], {}).get("response", "")
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        if options.check:
            with open(path, encoding="utf-8") as file:
                if file.read() != text:
                    sys.exit(f"{path} is not what {options.data} gives; run make_data.py")
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        kinds = {kind: sum(row["kind"] == kind for row in rows)
                 for kind in ("harmful", "topic", "ordinary")}
        print(f"{name}.jsonl: {len(rows)} rows, {kinds}")


if __name__ == "__main__":
    main()
