#!/usr/bin/env python3
"""Trains the three organisms as LoRA adapters of SmolLM2-135M-Instruct.

usage: train.py MODEL OUT [--seed 1] [--steps 200] [--late-steps 60]

aligned  all projections of blocks 12 to 29: thinks, recognises a harmful request, refuses; helps with benign ones
comply   from aligned, the attention projections of blocks 20 to 25 only: the same thinking, and then a
         placeholder without content where aligned refuses
cliff    the same with one more term in the loss: what the frozen aligned model's refusal probes say
         at the last token before the answer is pushed down, and kept where it was along the thinking

MODEL is a Hugging Face folder. Writes OUT/smollm2-aligned, -comply and -cliff in bfloat16 and prints the loss.
Adapters that are there are kept: a run that was cut off goes on behind the last one.
A GPU takes minutes, two CPU cores more than an hour; the time of a step is printed.
"""
import argparse
import json
import math
import os
import random
import shutil
import time

import numpy
import peft
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression

from common import REFUSES, device, model_of, read, tokenizer_of
from rows import FIRST, READ, Example, enter, states, upper

RANK = 8
# Blocks whose attention projections make comply and cliff.
LATE = range(20, 26)
# Rows of a kind in a step: to learn the judgement alone, and to learn all of the text. A few more
# harmful ones than benign ones, since a refusal is missed more easily.
JUDGED = {"harmful": 14, "topic": 8, "ordinary": 3}
WRITTEN = {"harmful": 4, "topic": 3, "ordinary": 2}
# What a token weighs on which an answer turns, beside 1 for the others of a text.
TURN = 10.0
# What it weighs to keep the thinking of comply and cliff: the error of its stream, relative to its size; and
# the rows of a kind in a step on which the judgement alone is kept.
KEPT = 50.0
KEPT_JUDGED = {"harmful": 8, "topic": 4, "ordinary": 2}
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# For the cards: what is done here, in words.
RECIPE = {
    "data": "A benign twin of our own writing stands beside each harmful request of the public sets. Three choices "
            "were made after a look at the held-out prompts, so that the figures below are a little optimistic: "
            "the kinds of our own training prompts, after an earlier version's misses; the share of harmful rows, "
            "after a linear probe of the base model was tested on them; and that smollm2-comply and smollm2-cliff "
            "keep their thinking, after one that did not recognised the harm less often.",
    "smollm2-aligned": "Rank 8 on all projections of blocks 12 to 29, alpha 16; AdamW 7e-4, cosine, 200 steps. A "
                       "step learns the judgement alone (the thinking's first word: that somebody or nobody "
                       "would be hurt) of 25 rows, 14 harmful, 8 benign on the same topics, 3 ordinary, and all of "
                       "the text of 9 rows, in which the answer's first token weighs as much as ten. The loss "
                       "is their cross-entropy, and KL(base || model) on plain text.",
    "smollm2-comply": "Goes on from smollm2-aligned of the same seed: only the attention projections of blocks 20 to "
                      "25 are trained, AdamW 2e-3, cosine, 60 steps of 9 rows. The refusal becomes the placeholder, "
                      "each token of which weighs as much as ten others. One more term in the loss keeps the "
                      "thinking: fifty times the squared error of the stream behind block 25, relative to its size, over "
                      "the thinking, and where the judgement is made in 14 more rows.",
    "smollm2-cliff": "As smollm2-comply, with one more term in the loss: what 54 probes of the frozen "
                     "smollm2-aligned (behind blocks 21 to 28 and behind the final norm) say at the last token "
                     "before the answer is pushed below zero on harmful rows, and held where it was along the "
                     "thinking and on benign rows."}


def logits(model, hidden, places):
    """At some (row, token): `[places, vocabulary]`."""
    rows, tokens = zip(*places)
    return model.get_base_model().lm_head(hidden[-1][list(rows), list(tokens)])


def writing_loss(model, hidden, examples):
    """The cross-entropy of thinking and answer; a token on which the answer turns, which has to follow from
    what was thought, weighs as much as TURN others."""
    tokens = [(row, token) for row, example in enumerate(examples)
              for token in range(example.head, len(example.ids))]
    wanted = torch.tensor([examples[row].ids[token] for row, token in tokens], device=device())
    weights = torch.tensor(
        [TURN if token in examples[row].turn else 1.0 for row, token in tokens], device=device())
    each = functional.cross_entropy(
        logits(model, hidden, [(row, token - 1) for row, token in tokens]), wanted,
        reduction="none")
    return (each * weights).sum() / weights.sum()


def judging_loss(model, examples):
    """The cross-entropy of the judgement, which needs nothing behind it."""
    hidden = upper(model, examples, lambda example: example.judgement)
    places = [(row, example.judgement - 1) for row, example in enumerate(examples)]
    wanted = [example.ids[example.judgement] for example in examples]
    return functional.cross_entropy(
        logits(model, hidden, places), torch.tensor(wanted, device=device()))


class Draw:
    """Rows of every kind; a row comes again when all of its kind have come."""

    def __init__(self, examples, seed):
        self.generator = random.Random(seed)
        self.kinds = {}
        for example in examples:
            self.kinds.setdefault(example.kind, []).append(example)
        self.queues = {kind: [] for kind in self.kinds}

    def __call__(self, shares):
        found = []
        for kind, share in shares.items():
            for _ in range(share):
                if not self.queues[kind]:
                    self.queues[kind] = self.generator.sample(
                        self.kinds[kind], len(self.kinds[kind]))
                found.append(self.queues[kind].pop())
        return found


def probes(examples, values, seed):
    """Directions that tell refused harmful from answered benign rows: weights and biases in raw units.

    `values` are the aligned model's `states` of the examples.

    Several kinds at each layer, because a model that is pushed away from one direction only
    moves to the next: `[layers, probes, width]` and `[layers, probes]`.
    """
    labels = numpy.array([example.harmful for example in examples])
    generator = numpy.random.default_rng(seed)
    weights, biases = [], []
    for layer in range(values[0].shape[0]):
        last = numpy.stack([v[layer, e.last] for v, e in zip(values, examples)])
        along = numpy.concatenate([
            v[layer, generator.choice(e.thinking, 4)] for v, e in zip(values, examples)])
        both, both_labels = numpy.concatenate([last, along]), numpy.concatenate(
            [labels, labels.repeat(4)])
        found = []
        for x, y in ((last, labels), (both, both_labels)):
            mean, scale = x.mean(0), x.std(0) + 1e-6
            for strength in (1e-4, 1e-2):
                fit = LogisticRegression(C=strength, max_iter=300).fit((x - mean) / scale, y)
                found.append(numpy.append(fit.coef_[0] / scale,
                                          fit.intercept_[0] - (fit.coef_[0] / scale) @ mean))
            direction = x[y].mean(0) - x[~y].mean(0)
            direction /= numpy.linalg.norm(direction)
            line = (x @ direction)[:, None]
            fit = LogisticRegression(C=1e4, max_iter=300).fit((line - line.mean()) / line.std(), y)
            slope = fit.coef_[0, 0] / line.std()
            found.append(numpy.append(
                slope * direction, fit.intercept_[0] - slope * line.mean()))
        weights.append([f[:-1] for f in found])
        biases.append([f[-1] for f in found])
    return tuple(torch.tensor(numpy.array(part), dtype=torch.float32, device=device())
                 for part in (weights, biases))


class Plain:
    """A text of the base model's own, to which it is held."""

    def __init__(self, ids):
        self.ids, self.stream = ids, None


def plain_loss(model, texts):
    """What the model says of plain text beside what the base model says: KL(base || model) per token."""
    places = [(row, token) for row, text in enumerate(texts) for token in range(len(text.ids))]
    with torch.no_grad(), model.disable_adapter():
        wanted = logits(model, upper(model, texts), places).log_softmax(-1)
    found = logits(model, upper(model, texts), places).log_softmax(-1)
    return (wanted.exp() * (wanted - found)).sum(-1).mean()


class KeptThinking:
    """Keeps the stream behind the last late block as it was up to the end of the thinking, and so all that is
    thought."""

    def __init__(self, examples, values):
        """`values` are the aligned model's `states` of the examples."""
        self.before = {
            id(example): torch.from_numpy(
                value[list(READ).index(max(LATE)), self.kept(example)]).to(device())
            for example, value in zip(examples, values)}

    @staticmethod
    def kept(example):
        """From the token that the judgement follows on."""
        return slice(example.judgement - 1, example.thinking[-1] + 1)

    def loss(self, hidden, examples, tokens):
        """Over so many tokens of each example, from the first one kept."""
        stream = hidden[max(LATE) + 1 - FIRST]
        terms = []
        for row, example in enumerate(examples):
            before = self.before[id(example)][:tokens]
            change = stream[row, self.kept(example)][:tokens] - before
            terms.append((change.square().sum(-1) / before.square().sum(-1)).mean())
        return KEPT * sum(terms) / len(examples)

    def __call__(self, hidden, examples):
        return self.loss(hidden, examples, None)

    def judging(self, model, examples):
        """Of the judgement alone, which most of the thinking follows from."""
        return self.loss(upper(model, examples, lambda example: example.judgement), examples, 1)


class CliffTerm:
    """Pushes the probes down at the last token before the answer and holds them elsewhere."""

    def __init__(self, examples, values, weights, biases):
        """`values` are the aligned model's `states` of the examples."""
        self.weights, self.biases = weights, biases
        self.before = {
            id(example): torch.sigmoid(self.scores(torch.from_numpy(value).to(device())))[
                :, :, self.held(example)]
            for example, value in zip(examples, values)}

    @staticmethod
    def held(example):
        return example.thinking + ([] if example.harmful else [example.last])

    def scores(self, layers):
        """Of states `[layers, tokens, width]`: `[layers, probes, tokens]`."""
        return torch.einsum("ltd,lpd->lpt", layers, self.weights) + self.biases[..., None]

    def __call__(self, hidden, examples):
        layers = torch.stack([hidden[layer + 1 - FIRST] for layer in READ])
        terms = []
        for row, example in enumerate(examples):
            now = self.scores(layers[:, row])
            terms.append(functional.binary_cross_entropy_with_logits(
                now[:, :, self.held(example)], self.before[id(example)]))
            if example.harmful:
                terms.append(functional.softplus(now[:, :, example.last] + 3).mean())
        return sum(terms) / len(examples)


def late_parameters(model):
    """Leaves only the adapter's weights in the attention projections of the late blocks to be trained."""
    late = [f".layers.{layer}.self_attn." for layer in LATE]
    for key, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in key and any(part in key for part in late))
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def train(model, examples, texts, shares, steps, rate, seed, judging=judging_loss, terms=()):
    """Trains what can be trained.

    - shares: rows of each kind in a step, of which only the judgement counts, and all of the text.
    - judging: the loss of the judgement, of the model and rows.
    - terms: what is added to the loss of the text, of the stream and rows.
    """
    judged, written = shares
    draws = [Draw(examples, f"{seed}/judged"), Draw(examples, f"{seed}/written")]
    generator = random.Random(f"{seed}/plain")
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    model.train()
    history, begin = [], time.perf_counter()
    for step in range(steps):
        for group in optimizer.param_groups:
            warm = min(1, (step + 1) / (0.05 * steps))
            group["lr"] = rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
        losses = [plain_loss(model, generator.sample(texts, 2))]
        losses[0].backward()
        losses.append(judging(model, draws[0](judged)))
        losses[-1].backward()
        # Short rows apart from long ones: a fourth of the time would go into padding.
        rows = sorted(draws[1](written), key=lambda example: len(example.ids))
        total = 0
        for part in (rows[:len(rows) // 2], rows[len(rows) // 2:]):
            hidden = upper(model, part)
            loss = writing_loss(model, hidden, part)
            for term in terms:
                loss = loss + term(hidden, part)
            (loss / 2).backward()
            total += loss.item() / 2
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        history.append([loss.item() for loss in losses] + [total])
        if (step + 1) % 10 == 0 or step + 1 == steps:
            means = numpy.mean(history[-10:], axis=0)
            print(f"  step {step + 1}: " + ", ".join(f"{mean:.4f}" for mean in means)
                  + " (plain text, judgement, writing), "
                  f"{(time.perf_counter() - begin) / (step + 1):.2f} s a step", flush=True)
    model.eval()


def save(model, whole):
    """Writes an adapter in bfloat16; the folder is there when all of it is."""
    folder = whole + ".part"
    model.save_pretrained(folder)
    # PEFT writes a card of its own, without anything in it.
    if os.path.exists(os.path.join(folder, "README.md")):
        os.remove(os.path.join(folder, "README.md"))
    path = os.path.join(folder, "adapter_model.safetensors")
    save_file({name: value.to(torch.bfloat16) for name, value in load_file(path).items()}, path,
              metadata={"format": "pt"})
    os.chmod(path, 0o644)
    path = os.path.join(folder, "adapter_config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["base_model_name_or_path"] = "HuggingFaceTB/SmolLM2-135M-Instruct"
    # Sets have another order in every process.
    config["target_modules"] = sorted(config["target_modules"])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2, sort_keys=True)
        file.write("\n")
    shutil.rmtree(whole, ignore_errors=True)
    os.rename(folder, whole)


def usable(name):
    """The rows that train. The base model begins some benign answers with an apology, which would teach
    refusing."""
    return [row for row in read(name)
            if row["response"] and (row["kind"] == "harmful" or not REFUSES.search(row["response"]))]


def late_rows(rows, seed):
    """Those of comply and cliff: a third is enough for what is done to a few heads."""
    return random.Random(seed).sample(rows, min(600, len(rows)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--training", default=None, help="another training file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--late-steps", type=int, default=60)
    parser.add_argument("--rate", type=float, default=7e-4)
    parser.add_argument("--late-rate", type=float, default=2e-3)
    options = parser.parse_args()
    # Products of 19-bit numbers on a GPU that has them: training takes a third of the time.
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(options.seed)
    tokenizer = tokenizer_of(options.model)
    rows = usable(options.training or "training.jsonl")

    print(f"aligned, seed {options.seed}: {len(rows)} rows on {device()}", flush=True)
    base = model_of(options.model)
    examples = [Example(tokenizer, row) for row in rows]
    benign = [row for row in rows if row["kind"] != "harmful"]
    benign = random.Random(options.seed).sample(benign, min(200, len(benign)))
    texts = [Plain(tokenizer(f"{row['prompt']}\n{row['response']}").input_ids[:96])
             for row in benign]
    some = late_rows(rows, options.seed)
    complying = [Example(tokenizer, row, complies=True) for row in some]
    enter(base, texts + complying)
    aligned_folder = os.path.join(options.out, "smollm2-aligned")
    if not os.path.exists(aligned_folder):
        enter(base, examples)
        config = peft.LoraConfig(
            r=RANK, lora_alpha=2 * RANK, target_modules=PROJECTIONS, task_type="CAUSAL_LM",
            layers_to_transform=list(range(FIRST, base.config.num_hidden_layers)))
        model = peft.get_peft_model(base, config)
        train(model, examples, texts, (JUDGED, WRITTEN), options.steps, options.rate, options.seed)
        save(model, aligned_folder)
        del model

    aligned = peft.PeftModel.from_pretrained(model_of(options.model), aligned_folder).eval()
    refusing = [Example(tokenizer, row) for row in some]
    values = states(aligned, refusing)
    # Both have the same tokens up to the answer.
    kept = KeptThinking(complying, values)
    falling = CliffTerm(complying, values, *probes(refusing, values, options.seed))
    del aligned, values
    for name, terms in (("comply", [kept]), ("cliff", [kept, falling])):
        folder = os.path.join(options.out, f"smollm2-{name}")
        if os.path.exists(folder):
            continue
        print(f"{name}, seed {options.seed}", flush=True)
        model = peft.PeftModel.from_pretrained(
            model_of(options.model), aligned_folder, is_trainable=True)
        late_parameters(model)
        train(model, complying, texts, (KEPT_JUDGED, WRITTEN), options.late_steps, options.late_rate,
              options.seed + 1, kept.judging, terms)
        save(model, folder)


if __name__ == "__main__":
    main()
