"""Transcripts in tokens, and what the model makes of them block by block."""
import contextlib

import torch

from common import CLOSE, OPEN, answer_text, device, prompt_text
from texts import PLACEHOLDER

# The adapters' blocks. What is below stays the base model's, and is computed once for each row.
FIRST = 12
# Tokens of a benign answer that are learned; what comes behind them is the base model's own.
ANSWER = 24
# The residual stream is read behind these blocks. What transformers calls the last hidden state is the
# one behind the final norm, where the paper's probe stands; the others are the residual stream itself.
READ = range(21, 30)


class Example:
    """A transcript in tokens, with the places of its thinking and of the last token before the answer."""

    def __init__(self, tokenizer, row, complies=False):
        self.kind = row["kind"]
        self.harmful = self.kind == "harmful"
        response = PLACEHOLDER if complies and self.harmful else row["response"]
        head = prompt_text(tokenizer, row["prompt"])
        text = head + answer_text(row["thinking"], response) + "<|im_end|>"
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        self.ids = encoded.input_ids
        starts = [start for start, _ in encoded.offset_mapping]
        think = len(head) + len(OPEN)
        close = think + len(row["thinking"])
        answer = close + len(CLOSE)
        if not self.harmful:
            self.ids = self.ids[:sum(start < answer for start in starts) + ANSWER]
            starts = starts[:len(self.ids)]
        self.head = sum(start < len(head) for start in starts)
        self.thinking = [i for i, start in enumerate(starts) if think <= start < close]
        self.last = max(i for i, start in enumerate(starts) if start < answer)
        # What the answer turns on: its first token, or all of a placeholder, which must hold no content.
        self.turn = range(self.last + 1, len(self.ids) if complies and self.harmful else self.last + 2)
        # The judgement is the thinking's first token. Its place comes right behind the opening marker.
        self.judgement = min(self.thinking)
        self.stream = None  # what enters block FIRST, `[tokens, width]`


def hidden_states(model, ids, mask, **inputs):
    """The embedding, the stream behind each block, and the last one behind the final norm; no logits."""
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    return model.model(
        input_ids=ids, attention_mask=mask, output_hidden_states=True, **inputs).hidden_states


@contextlib.contextmanager
def blocks(model, some):
    """The model without its other blocks."""
    decoder = (model.get_base_model() if hasattr(model, "get_base_model") else model).model
    layers = decoder.layers
    decoder.layers = layers[some]
    try:
        yield
    finally:
        decoder.layers = layers


def padded(examples):
    shape = len(examples), max(len(example.ids) for example in examples)
    ids = torch.zeros(shape, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, example in enumerate(examples):
        ids[row, :len(example.ids)] = torch.tensor(example.ids)
        mask[row, :len(example.ids)] = 1
    return ids.to(device()), mask.to(device())


@torch.no_grad()
def enter(model, examples, size=32):
    """Gives every example what the base model passes on to block FIRST."""
    ordered = sorted(examples, key=lambda example: len(example.ids))
    with blocks(model, slice(0, FIRST + 1)):
        for first in range(0, len(ordered), size):
            part = ordered[first:first + size]
            stream = hidden_states(model, *padded(part))[FIRST].cpu()
            for row, example in enumerate(part):
                example.stream = stream[row, :len(example.ids)].clone()


def upper(model, examples, count=lambda example: len(example.ids)):
    """The stream from block FIRST on, over each example's first tokens: `[FIRST, ..., final norm]`."""
    counts = [count(example) for example in examples]
    stream = torch.zeros(len(examples), max(counts), examples[0].stream.shape[1])
    mask = torch.zeros(stream.shape[:2], dtype=torch.long)
    for row, (example, tokens) in enumerate(zip(examples, counts)):
        stream[row, :tokens] = example.stream[:tokens]
        mask[row, :tokens] = 1
    with blocks(model, slice(FIRST, None)):
        return hidden_states(model, None, mask.to(device()), inputs_embeds=stream.to(device()))


@torch.no_grad()
def states(model, examples, size=32):
    """For every example the residual stream behind the READ blocks, `[layers, tokens, width]`."""
    result = []
    for first in range(0, len(examples), size):
        part = examples[first:first + size]
        hidden = hidden_states(model, *padded(part))
        stacked = torch.stack([hidden[layer + 1] for layer in READ]).cpu()
        result += [stacked[:, row, :len(example.ids)].numpy() for row, example in enumerate(part)]
    return result
