"""Record what transformers writes under the rules of generation_config.json.

usage: record_generation_rules.py GOLDEN OUT.json      (recorded with transformers 4.57.3, torch 2.x, CPU)

GOLDEN is the folder of the tiny models. Each case is a generation_config.json, and for each prompt, run
alone, what `generate(do_sample=False)` writes. A case whose choices are near ties is dropped, so that no
rounding decides one.
"""
import json
import pathlib
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM, GenerationConfig

transformers.utils.logging.set_verbosity_error()
NAMES = ["tiny-gpt2", "tiny-qwen2", "tiny-gemma2", "tiny-gpt-neox", "tiny-mistral"]
NEW = 14


def load(folder):
    torch.set_num_threads(1)
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


@torch.no_grad()
def write(model, config, prompt, count=NEW):
    """The new tokens and the smallest distance between the two best scores of a step."""
    model.generation_config = GenerationConfig(pad_token_id=0, **config)
    ids = torch.tensor([prompt])
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count,
        return_dict_in_generate=True, output_scores=True,
    )
    margin = float("inf")
    for scores in out.scores:
        best = scores[0].topk(2).values
        if torch.isfinite(best).all() and not torch.equal(best, torch.zeros(2)):
            margin = min(margin, float(best[0] - best[1]))
    return out.sequences[0, len(prompt):].tolist(), margin


def cases(model, prompts):
    """Rules that touch what the model would write without them."""
    size = model.config.vocab_size
    free = [write(model, {}, prompt)[0] for prompt in prompts]
    a, b, c = free[0][0], free[0][1], free[0][2]
    common, end = free[1][1], free[0][4]
    everything = [token for token in range(size) if token != b]
    pair = [prompts[0][-1], a]
    yield {}
    for penalty in [1.3, 0.7, 1.05, 3.0]:
        yield dict(repetition_penalty=penalty)
    for gram in [1, 2, 3, 5]:
        yield dict(no_repeat_ngram_size=gram)
    yield dict(suppress_tokens=[a, common])
    yield dict(suppress_tokens=everything)
    yield dict(begin_suppress_tokens=[a, free[1][0], free[2][0]])
    yield dict(bad_words_ids=[[b]])
    yield dict(bad_words_ids=[[a, b], [b, c, free[0][3]], [a]])
    yield dict(bad_words_ids=[pair, [a, b, c]])
    yield dict(bad_words_ids=[[prompts[2][0], free[2][0]]])
    yield dict(eos_token_id=end)
    yield dict(eos_token_id=end, bad_words_ids=[[end]])
    yield dict(eos_token_id=end, bad_words_ids=[[end], [free[0][3], end]])
    yield dict(eos_token_id=[end, common], min_new_tokens=8)
    yield dict(eos_token_id=[end, common], min_length=9)
    yield dict(eos_token_id=end, min_length=20, min_new_tokens=2)
    yield dict(forced_eos_token_id=7)
    yield dict(forced_eos_token_id=[23, 7], eos_token_id=end)
    yield dict(forced_bos_token_id=11)
    yield dict(forced_bos_token_id=11, begin_suppress_tokens=[a, free[2][0], free[2][1]])
    yield dict(sequence_bias=[[[a], -4.0], [[a, b], 6.0], [[c], 1.5]])
    yield dict(remove_invalid_values=True, renormalize_logits=True, temperature=0.3, top_k=3)
    yield dict(
        repetition_penalty=1.2, no_repeat_ngram_size=2, suppress_tokens=[a], bad_words_ids=[[b], pair],
        eos_token_id=end, min_new_tokens=6, forced_eos_token_id=5)
    yield dict(
        repetition_penalty=0.8, no_repeat_ngram_size=3, begin_suppress_tokens=[a], eos_token_id=end,
        sequence_bias=[[[common], 2.0]], bad_words_ids=[[free[0][5]]], min_length=12)


def main():
    golden, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    generator = torch.Generator().manual_seed(5)
    result, dropped = {}, 0
    for name in NAMES:
        model = load(golden / name)
        prompts = [
            torch.randint(3, model.config.vocab_size, (length,), generator=generator).tolist()
            for length in (7, 3, 1)
        ]
        prompts[1][2] = prompts[1][0]
        entries = []
        for config in cases(model, prompts):
            written = [write(model, config, prompt) for prompt in prompts]
            if min(margin for _, margin in written) < 1e-3:
                dropped += 1
                continue
            entries.append(dict(config=config, written=[tokens for tokens, _ in written]))
        result[name] = dict(prompts=prompts, cases=entries)
        changed = sum(entry["written"] != entries[0]["written"] for entry in entries)
        print(name, len(entries), "cases,", changed, "of them change what is written")
    document = dict(
        transformers=transformers.__version__, torch=torch.__version__, newTokens=NEW, models=result)
    out.write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(dropped, "dropped as near ties;", out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
