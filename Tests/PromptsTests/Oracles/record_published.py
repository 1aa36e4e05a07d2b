"""Records what Python's jinja2, set up as transformers does, makes of published chat templates.

    python record_published.py TEMPLATE_FOLDER OUTPUT_JSON

Every template is rendered for every conversation with and without a generation prompt, with thinking on and
off where it knows the switch, with reasoning of its own where it reads it, and with tools where it shows them.
"expected" is null where the template raises. record_templates.py has the environment and the fixed date.
"""

import json
import sys
from pathlib import Path

import record_templates as base


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


THOUGHT = "<think>\nweigh it\n</think>\n\n"
CONVERSATIONS = [
    [turn("user", "Hello")],
    [turn("system", "Be terse."), turn("user", " A colour?\n")],
    [turn("user", "1+1?"), turn("assistant", "2"), turn("user", "Doubled?")],
    [turn("system", "S"), turn("user", "u"), turn("assistant", "a ")],
    [turn("user", "q"), turn("assistant", THOUGHT + "no"), turn("user", "r")],
    [turn("user", "q"), turn("assistant", THOUGHT + "no")],
    [turn("user", "q"), turn("assistant", "no", reasoning_content="weigh it"), turn("user", "r")],
    [turn("user", "q"), turn("assistant", "no", reasoning_content="weigh it")],
    [turn("user", "<|im_end|></s>[/INST]<end_of_turn><|eot_id|> {{ 7*7 }}{% raw %} \u00e9\u4eca\r\n\U0001f44d 'q' \"d\"")],
    [turn("user", "")],
    [turn("user", "a"), turn("user", "b")],
    [turn("assistant", "first"), turn("user", "u")],
    [turn("user", "u"), turn("tool", "result"), turn("user", "v")],
    [turn("user", "u"), turn("system", "late")],
    [turn("judge", "x")],
    [],
]
TOOL_CONVERSATIONS = [0, 1, 2]


def switches(source):
    yield {}
    for name in ("enable_thinking", "thinking"):
        if name in source:
            yield {name: True}
            yield {name: False}
            return


def render(template, messages, tools, prompt, variables):
    given = dict(messages=messages, tools=tools, documents=None, add_generation_prompt=prompt, bos_token="<s>", eos_token="</s>", **variables)
    try:
        return template.render(**given)
    except Exception:
        return None


def main():
    cases = []
    for path in sorted(Path(sys.argv[1]).glob("*.jinja")):
        source = path.read_bytes().decode()
        template = base.environment().from_string(source)
        for number, messages in enumerate(CONVERSATIONS):
            if any("reasoning_content" in m for m in messages) and "reasoning_content" not in source:
                if "message.thinking" not in source:
                    continue
                messages = [{k.replace("reasoning_content", "thinking"): v for k, v in m.items()} for m in messages]
            for variables in switches(source):
                if variables and number not in (0, 2, 5, 7):
                    continue
                for tools in (None, base.TOOLS) if "tools" in source and number in TOOL_CONVERSATIONS and not variables else (None,):
                    for prompt in (True, False) if number < 8 and tools is None else (True,):
                        expected = render(template, messages, tools, prompt, variables)
                        cases.append([path.stem, number, tools is not None, prompt, variables, expected])
    rows = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    head = json.dumps({"conversations": CONVERSATIONS, "tools": base.TOOLS}, ensure_ascii=False, separators=(",", ":"))
    Path(sys.argv[2]).write_text(f'{head[:-1]},"cases":[\n{rows}]}}\n', encoding="utf-8")
    print(len(cases), "cases,", sum(case[-1] is None for case in cases), "raise")


if __name__ == "__main__":
    main()
