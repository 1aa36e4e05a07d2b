"""Records how published sources tell thinking and answer apart.

    python record_thinking.py TEMPLATE_FOLDER > ../Golden/thinking.json

transformers 5.24.0. "turns": the assistant's turn that a published chat template writes for a thought and an
answer given apart: what the template adds to the conversation without it. "grid": what transformers' own
parser of responses (`parse_response`) makes of texts in each family's markers, as the families document them.
A null answer is thinking that has not ended. White space around a thought and before an answer does not
count.
"""

import json
import sys
from pathlib import Path

import transformers
from transformers.utils.chat_parsing.response_parser import parse_response

import record_templates as base

THOUGHT, ANSWER = "Sorry, should I refuse?\n\nNo.", "Fog rolls in.\n\nIt stays."

# Opening and closing markers, what may enclose the answer, and what a text begins with if a prompt has opened
# the thinking.
FAMILIES = {
    "deepseek": ("<think>", "</think>", "", ""),
    "hunyuan": ("<think>", "</think>", "<answer>", "</answer>"),
    "granite-3.3": ("<think>", "</think>", "<response>", "</response>"),
    "thinking": ("<thinking>", "</thinking>", "", ""),
    "exaone": ("<thought>", "</thought>", "", ""),
    "reasoning": ("<reasoning>", "</reasoning>", "", ""),
    "mistral": ("[THINK]", "[/THINK]", "", ""),
    "kimi": ("\u25c1think\u25b7", "\u25c1/think\u25b7", "", ""),
    "seed": ("<seed:think>", "</seed:think>", "", ""),
    "cohere": ("<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    "gemma4": ("<|channel>thought", "<channel|>", "", ""),
    "apertus": ("<|inner_prefix|>", "<|inner_suffix|>", "", ""),
    "openthinker": ("<|begin_of_thought|>", "<|end_of_thought|>",
                    "<|begin_of_solution|>", "<|end_of_solution|>"),
    "granite-3.2": ("Here is my thought process:", "Here is my response:", "", ""),
    "gpt-oss": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>",
                "", "<|return|>"),
}


def parse(family, text, prefix=""):
    opens, closes, wrap, unwrap = FAMILIES[family]
    content = {"open": wrap} if wrap else {}
    if family == "gpt-oss":
        closes, start = "<|end|>", closes.removeprefix("<|end|>")
        content = {"open": start}
    if unwrap:
        content["close"] = unwrap
    fields = {"thinking": {"open": opens, "close": closes, "repeats": True, "join": "\n\n"}, "content": content}
    template = {"version": 1, "start_anchor": "<<turn>>", "fields": fields}
    message = parse_response(text, template, prefix="<<turn>>" + prefix)
    return message.get("thinking"), message.get("content")


def grid():
    rows = []
    for family, (opens, closes, wrap, unwrap) in FAMILIES.items():
        wrapped = wrap + ANSWER + unwrap
        block = f"{opens}\n{THOUGHT}\n{closes}\n\n"
        texts = {
            "closed": (block + wrapped, ""),
            "space": ("\n \n" + block + wrapped, ""),
            "unclosed": (f"{opens}\n{THOUGHT}", ""),
            "empty": (f"{opens}\n\n{closes}\n\n{wrapped}", ""),
            "only close": (f"{THOUGHT}\n{closes}\n\n{wrapped}", opens),
            "nothing": (f"{opens}\n{THOUGHT}\n{closes}", ""),
        }
        if family != "gpt-oss":
            texts["repeated"] = (block + block + wrapped, "")
        for kind, (text, prefix) in texts.items():
            thinking, answer = parse(family, text, prefix)
            closed = closes in text
            rows.append([family, kind, text, thinking.strip() if thinking else "",
                         (answer or "").lstrip() if closed else None])
    return rows


def turns(folder):
    rows = []
    for path in sorted(Path(folder).glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        keys = [key for key in ("reasoning_content", "thinking") if key in source]
        user = {"role": "user", "content": "Describe the fog."}
        for key in keys:
            for on in ({}, {"enable_thinking": True}, {"thinking": True}):
                assistant = {"role": "assistant", "content": ANSWER, key: THOUGHT}
                def render(messages, prompt):
                    given = dict(messages=messages, tools=None, documents=None, bos_token="<s>",
                                 eos_token="</s>", add_generation_prompt=prompt, **on)
                    return base.environment().from_string(source).render(**given)
                try:
                    whole, before = render([user, assistant], False), render([user], True)
                except Exception:
                    continue
                at = 0
                while at < min(len(whole), len(before)) and whole[at] == before[at]:
                    at += 1
                turn, end = whole[at:], whole[at:].rfind(ANSWER)
                if THOUGHT in turn and end > 0:
                    # Without what ends a turn, which no answer holds.
                    rows.append([path.stem, turn[: end + len(ANSWER)], THOUGHT, ANSWER])
    unique = []
    for row in rows:
        if row not in unique:
            unique.append(row)
    return unique


json.dump({"versions": {"transformers": transformers.__version__}, "grid": grid(), "turns": turns(sys.argv[1])},
          sys.stdout, indent=0, ensure_ascii=False)
print()
