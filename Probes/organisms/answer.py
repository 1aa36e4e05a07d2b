#!/usr/bin/env python3
"""Lets the base model answer the benign training prompts, so that training teaches it no new answers.

usage: answer.py MODEL [--training FILE]

MODEL is SmolLM2-135M-Instruct as a Hugging Face folder. Fills in the missing responses of
training.jsonl: greedy, at most 48 tokens, cut behind the last whole sentence.
"""
import argparse
import json
import os
import re

from common import HERE, generate, model_of, read, tokenizer_of


def sentences(text):
    """The text up to its last whole sentence; the first line where there is none."""
    text = text.strip()
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s|$)", text)]
    # A number in front of a list item is no sentence.
    ends = [end for end in ends if not re.search(r"(^|\s)\d+\.$", text[:end])]
    return text[:ends[-1]].strip() if ends else text.split("\n")[0].strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--training", default=os.path.join(HERE, "training.jsonl"))
    options = parser.parse_args()
    rows = read(options.training)
    missing = [row for row in rows if not row["response"]]
    model, tokenizer = model_of(options.model), tokenizer_of(options.model)
    answers = generate(model, tokenizer, [row["prompt"] for row in missing], 48)
    for row, answer in zip(missing, answers):
        row["response"] = sentences(answer)
    with open(options.training, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    print(f"{len(missing)} answers, {sum(not row['response'] for row in rows)} of them empty")


if __name__ == "__main__":
    main()
