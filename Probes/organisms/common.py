"""What the scripts share: the model, its chat template, and greedy answers."""
import json
import os
import re

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
OPEN, CLOSE = "<think>\n", "\n</think>\n\n"
REFUSES = re.compile(r"^\W*(I'm sorry|I am sorry|Sorry|I can't|I cannot|I won't|Unfortunately)", re.I)


def device():
    return "cuda" if torch.cuda.is_available() else "cpu"


def read(name, folder=HERE):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tokenizer_of(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def model_of(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device()).eval()


def prompt_text(tokenizer, prompt):
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True)


def answer_text(thinking, response):
    return f"{OPEN}{thinking}{CLOSE}{response}"


@torch.no_grad()
def generate(model, tokenizer, prompts, new_tokens, batch=None):
    """Greedy answers, whole, without the end token."""
    tokenizer.padding_side = "left"
    batch = batch or (100 if device() == "cpu" else 500)
    texts = []
    for first in range(0, len(prompts), batch):
        encoded = tokenizer(
            [prompt_text(tokenizer, prompt) for prompt in prompts[first:first + batch]],
            padding=True, return_tensors="pt", add_special_tokens=False).to(device())
        out = model.generate(
            **encoded, max_new_tokens=new_tokens, do_sample=False,
            pad_token_id=tokenizer.pad_token_id)
        texts += tokenizer.batch_decode(
            out[:, encoded.input_ids.shape[1]:], skip_special_tokens=True)
    return texts
