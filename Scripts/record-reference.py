#!/usr/bin/env python3
"""Record what Hugging Face transformers computes at every hook, for `bathyscope parity`.

usage: record-reference.py --model FOLDER --prompts FILE.jsonl --out REFERENCE.safetensors

  python -m pip install torch transformers safetensors
  Scripts/record-reference.py --model my-model --prompts prompts.jsonl --out reference.safetensors
  bathyscope parity --model my-model --reference reference.safetensors

The model runs in fp32, with eager attention, on one thread of the CPU. With `--dtype float64` it runs
in double precision, also where its code asks for fp32, as in norms and the softmax; the file then says
how far the same model in fp32 is from that, for `bathyscope parity` to print beside its own distance:
"i/float32/<hook>" is, for each row, the norm of the difference in units of the norm of the row. A row of the prompts is
an object with "text", which the folder's tokenizer turns into ids as it would for generation, or
with "token_ids". For prompt i (counted from 0) the file holds tensors "i/<hook>" of [rows, width]:

  hook_embed                 token embeddings as they enter the residual stream (Gemma: scaled)
  hook_pos_embed             GPT-2's position embeddings
  blocks.N.hook_resid_pre    the residual stream entering block N
  blocks.N.attn.hook_pattern attention after the softmax, [T, heads * T], head after head
  blocks.N.attn.hook_z       what enters attention's output projection, head after head
  blocks.N.hook_attn_out     what attention adds to the stream (Gemma, OLMo 2: after its norm)
  blocks.N.hook_resid_mid    the stream between attention and MLP (not in parallel GPT-NeoX blocks)
  blocks.N.mlp.hook_post     what enters the MLP's down projection (not in mixtures of experts)
  blocks.N.hook_mlp_out      what the MLP adds to the stream (Gemma, OLMo 2: after its norm)
  blocks.N.hook_resid_post   the stream leaving block N
  ln_final.hook_out          after the final norm and its gain
  unembed.hook_out           logits (Gemma 2: after the soft cap), every --logits-stride-th column

and with --all-hooks also

  blocks.N.hook_attn_in, .hook_mlp_in          what attention and the MLP read, before their norms
  blocks.N.ln1, ln2, ln1_post, ln2_post, and ln_final: .hook_scale (what the norm divides by) and
                             .hook_normalized (before its gain and bias), where there is such a norm
  blocks.N.attn.hook_q, hook_k, hook_v         as projected, head after head
  blocks.N.attn.hook_rot_q, hook_rot_k         after norms of queries and keys and rotary embedding
  blocks.N.attn.hook_attn_scores               before the softmax, -inf where masked, [T, heads * T]
  blocks.N.attn.hook_result  each head's share of the output projection, [T, heads * dModel]
  blocks.N.mlp.hook_pre, hook_pre_linear       before the activation function, and what a gate multiplies

and "i/ids", "i/positions" (of the rows) and, if asked for, "i/greedy", the greedy continuation by
the model's own generation with its cache, all as floats. Every sum that defines a hook is checked
(what enters a block plus what attention and MLP add is what leaves it), so that a hook in the wrong
place is an error and not a reference.

Give it texts such as the model was made for. Tokens that it never saw in such an order, special ones
in a row for example, can be so ill-conditioned that single precision itself is beyond the bound of
`bathyscope parity`: for ids 1 to 8 of SmolLM2-135M, transformers is 3e-4 off the same arithmetic in double precision.
"""
import argparse
import contextlib
import json
import pathlib
import sys
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Layout:
    """Where the modules of a family stand: in the model, then in a block."""

    layers: str = "model.layers"
    embedding: str = "model.embed_tokens"
    positions: str = ""
    final_norm: str = "model.norm"
    attention: str = "self_attn"
    projection: str = "self_attn.o_proj"
    mlp: str = "mlp"
    down: str = "mlp.down_proj"
    # Norms between attention or MLP and the stream.
    attention_norm: str = ""
    mlp_norm: str = ""
    # The module that reads the stream between attention and MLP.
    after_mid: str = "post_attention_layernorm"
    # Norms before attention and MLP.
    before_attention: str = "input_layernorm"
    before_mlp: str = "post_attention_layernorm"
    # Projections of queries, keys and values: three, or one for all.
    queries: tuple = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    # What the activation function is applied to, and what a gate multiplies: two, one for both, or one.
    pre: tuple = ("mlp.gate_proj", "mlp.up_proj")


LLAMA = Layout()
GEMMA = replace(
    LLAMA, attention_norm="post_attention_layernorm", mlp_norm="post_feedforward_layernorm",
    after_mid="pre_feedforward_layernorm", before_mlp="pre_feedforward_layernorm",
)
LAYOUTS = {
    **dict.fromkeys(
        ["llama", "mistral", "qwen2", "qwen3", "qwen3_moe", "mixtral"], LLAMA
    ),
    "phi3": replace(LLAMA, queries=("self_attn.qkv_proj",), pre=("mlp.gate_up_proj",)),
    **dict.fromkeys(["gemma2", "gemma3_text"], GEMMA),
    "olmo2": replace(GEMMA, after_mid="mlp", before_attention="", before_mlp=""),
    "gpt2": Layout(
        layers="transformer.h", embedding="transformer.wte", positions="transformer.wpe",
        final_norm="transformer.ln_f", attention="attn", projection="attn.c_proj",
        down="mlp.c_proj", after_mid="ln_2", before_attention="ln_1", before_mlp="ln_2",
        queries=("attn.c_attn",), pre=("mlp.c_fc",),
    ),
    "gpt_neox": Layout(
        layers="gpt_neox.layers", embedding="gpt_neox.embed_in",
        final_norm="gpt_neox.final_layer_norm", attention="attention",
        projection="attention.dense", down="mlp.dense_4h_to_h",
        queries=("attention.query_key_value",), pre=("mlp.dense_h_to_4h",),
    ),
}


class Unusable(Exception):
    """A model, a prompt or a result that cannot be recorded, in words for the user."""


class Recorder:
    """A model whose hooks are watched."""

    def __init__(self, model):
        self.model = model
        self.config = model.config
        kind = self.config.model_type
        if kind not in LAYOUTS:
            raise Unusable(
                f"the modules of model_type '{kind}' are not known; known are: {', '.join(LAYOUTS)}"
            )
        self.layout = LAYOUTS[kind]
        self.is_parallel = kind == "gpt_neox" and self.config.use_parallel_residual
        self.seen = {}
        # Outputs that are compared with others and not recorded.
        self.inner = {}
        self.layers = self.module(model, self.layout.layers)
        self.watch_output(model, self.layout.embedding, "hook_embed")
        if self.layout.positions:
            self.watch_output(model, self.layout.positions, "hook_pos_embed")
        self.watch_output(model, self.layout.final_norm, "ln_final.hook_out")
        for index in range(len(self.layers)):
            self.watch_block(index)

    def module(self, parent, path):
        try:
            return parent.get_submodule(path)
        except AttributeError:
            raise Unusable(
                f"a {type(parent).__name__} has no '{path}', where this version of transformers "
                f"was expected to keep it; tell the authors of this script"
            ) from None

    def watch_block(self, index):
        layout, layer, block = self.layout, self.layers[index], f"blocks.{index}."
        self.watch_input(self.layers, str(index), block + "hook_resid_pre")
        self.watch_output(self.layers, str(index), block + "hook_resid_post")
        self.watch_input(layer, layout.projection, block + "attn.hook_z")
        self.watch_output(layer, layout.projection, block + "projection", self.inner)
        self.watch_output(layer, layout.attention, block + "attention", self.inner)
        added = layout.attention_norm or layout.attention
        self.watch_output(layer, added, block + "hook_attn_out")

        def pattern(module, inputs, result):
            if not isinstance(result, tuple) or result[1] is None:
                raise Unusable("attention gives no pattern; it has to be eager")
            # [1, heads, query, key] -> [1, query, heads * key]
            self.seen[block + "attn.hook_pattern"] = result[1].transpose(1, 2).flatten(2)

        self.module(layer, layout.attention).register_forward_hook(pattern)
        if not self.is_parallel:
            self.watch_input(layer, layout.after_mid, block + "hook_resid_mid")
        self.watch_output(layer, layout.mlp_norm or layout.mlp, block + "hook_mlp_out")
        if not hasattr(self.module(layer, layout.mlp), "experts"):
            self.watch_input(layer, layout.down, block + "mlp.hook_post")
            self.watch_output(layer, layout.down, block + "down", self.inner)
            self.watch_output(layer, layout.mlp, block + "mlp", self.inner)

    def watch_output(self, parent, path, name, into=None):
        into = self.seen if into is None else into

        def hook(module, inputs, result):
            into[name] = result[0] if isinstance(result, tuple) else result

        self.module(parent, path).register_forward_hook(hook)

    def watch_input(self, parent, path, name):
        def hook(module, inputs, named):
            self.seen[name] = inputs[0] if inputs else named["hidden_states"]

        self.module(parent, path).register_forward_pre_hook(hook, with_kwargs=True)

    def run(self, ids, changed=False):
        """The tensors of every hook by name, [1, T, width], in the graph if gradients are on.

        A run that is changed on its way is not checked.
        """
        import torch

        self.seen.clear()
        self.inner.clear()
        result = self.model(
            torch.tensor([ids]), use_cache=False, output_hidden_states=True, output_attentions=True
        )
        self.seen["unembed.hook_out"] = result.logits
        if not changed:
            self.check(result)
        return dict(self.seen)

    def check(self, result):
        """Checks every sum and identity that defines the hooks."""
        seen, inner = self.seen, self.inner
        entering = seen["hook_embed"] + seen.get("hook_pos_embed", 0)
        for index in range(len(self.layers)):
            block = f"blocks.{index}."
            before, after = seen[block + "hook_resid_pre"], seen[block + "hook_resid_post"]
            attention, mlp = seen[block + "hook_attn_out"], seen[block + "hook_mlp_out"]
            self.compare(block + "hook_resid_pre", before, entering)
            self.compare("hidden_states", before, result.hidden_states[index])
            self.compare(
                block + "attn.hook_pattern", seen[block + "attn.hook_pattern"],
                result.attentions[index].transpose(1, 2).flatten(2),
            )
            if self.is_parallel:
                self.compare(block + "hook_resid_post", after, before + attention + mlp)
            else:
                middle = seen[block + "hook_resid_mid"]
                self.compare(block + "hook_resid_mid", middle, before + attention)
                self.compare(block + "hook_resid_post", after, middle + mlp)
            self.compare(block + "attn.hook_z", inner[block + "projection"], inner[block + "attention"])
            if block + "down" in inner:
                self.compare(block + "mlp.hook_post", inner[block + "down"], inner[block + "mlp"])
            entering = after
        final = seen["ln_final.hook_out"]
        self.compare("ln_final.hook_out", final, result.hidden_states[-1])
        logits = self.model.get_output_embeddings()(final)
        cap = getattr(self.config, "final_logit_softcapping", None)
        if cap:
            logits = (logits / cap).tanh() * cap
        self.compare("unembed.hook_out", result.logits, logits)

    def compare(self, name, value, expected):
        difference = (value - expected).abs().max()
        if not difference <= 1e-5 * expected.abs().max():
            raise Unusable(
                f"{name} is not what its definition says, by {float(difference):.2g}: this model "
                "adds something that this script does not know"
            )

    def greedy(self, ids, count):
        """The greedy continuation with the model's own cache, checked against runs without it."""
        import torch
        from transformers import GenerationConfig

        # Without a token that ends it, and without what a folder's settings ask for.
        self.model.generation_config = GenerationConfig(
            max_new_tokens=count, do_sample=False, pad_token_id=0, eos_token_id=None
        )
        prompt = torch.tensor([ids])
        output = self.model.generate(prompt, attention_mask=torch.ones_like(prompt))
        continuation = output[0, len(ids) :].tolist()
        if len(continuation) != count:
            raise Unusable(f"generation stopped after {len(continuation)} of {count} tokens")
        logits = self.model(torch.tensor([ids + continuation]), use_cache=False).logits[0]
        chosen = logits[len(ids) - 1 : -1].argmax(-1).tolist()
        if chosen != continuation:
            raise Unusable(
                f"the greedy continuation of {len(ids)} tokens with a cache, {continuation}, is not "
                f"the one without, {chosen}: two tokens are as good as equal, or the cache is wrong"
            )
        return continuation


class FullRecorder(Recorder):
    """The same with the hooks of --all-hooks."""

    def __init__(self, model):
        super().__init__(model)
        self.watch_norm(model, self.layout.final_norm, "ln_final.")
        code = sys.modules[type(self.module(self.layers[0], self.layout.attention)).__module__]
        attend = code.eager_attention_forward

        def watched(module, query, key, value, mask, *args, **named):
            self.keep_scores(f"blocks.{module.layer_idx}.attn.", module, query, key, mask, named)
            return attend(module, query, key, value, mask, *args, **named)

        code.eager_attention_forward = watched

    def watch_block(self, index):
        super().watch_block(index)
        layout, layer, block = self.layout, self.layers[index], f"blocks.{index}."
        for path, name in [
            (layout.before_attention, "ln1."), (layout.attention_norm, "ln1_post."),
            (layout.before_mlp, "ln2."), (layout.mlp_norm, "ln2_post."),
        ]:
            if path:
                self.watch_norm(layer, path, block + name)
        for place, path in enumerate(layout.queries):
            self.watch_projections(layer, path, block + "attn.hook_", "qkv"[place])
        projection = self.module(layer, layout.projection)
        projection.register_forward_hook(
            lambda module, inputs, result: self.keep_results(block, module, inputs[0]))
        if hasattr(self.module(layer, layout.mlp), "experts"):
            return
        for place, path in enumerate(layout.pre):
            def pre(module, inputs, result, path=path, place=place):
                parts = result.chunk(2, dim=-1) if "gate_up" in path else [result]
                for part, name in zip(parts, ["hook_pre", "hook_pre_linear"][place:]):
                    self.seen[block + "mlp." + name] = part

            self.module(layer, path).register_forward_hook(pre)

    def watch_norm(self, parent, path, name):
        def hook(module, inputs, result):
            import torch

            x = inputs[0]
            is_centred = isinstance(module, torch.nn.LayerNorm)
            if is_centred:
                x = x - x.mean(-1, keepdim=True)
            epsilon = module.eps if hasattr(module, "eps") else module.variance_epsilon
            scale = (x.pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
            self.seen[name + "hook_scale"] = scale
            self.seen[name + "hook_normalized"] = x / scale
            gain = module.weight + ("Gemma" in type(module).__name__)
            output = x / scale * gain + (module.bias if is_centred else 0)
            self.compare(name + "hook_normalized", result, output)

        self.module(parent, path).register_forward_hook(hook)

    def watch_projections(self, layer, path, stem, which):
        config, kind = self.config, self.config.model_type
        heads = config.num_attention_heads
        groups = getattr(config, "num_key_value_heads", None) or heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads

        def hook(module, inputs, result):
            if kind == "gpt_neox":
                parts = result.unflatten(-1, (heads, 3, width)).unbind(-2)
                parts = [part.flatten(-2) for part in parts]
            elif len(self.layout.queries) == 1:
                parts = result.split([heads * width, groups * width, groups * width], dim=-1)
            else:
                parts = [result]
            for part, name in zip(parts, "qkv" if len(parts) == 3 else which):
                self.seen[stem + name] = part

        self.module(layer, path).register_forward_hook(hook)

    def keep_scores(self, stem, module, query, key, mask, named):
        import torch

        has_rotary = self.config.model_type != "gpt2"
        for name, value in [("hook_rot_q", query), ("hook_rot_k", key)]:
            if has_rotary:
                self.seen[stem + name] = value.transpose(1, 2).flatten(2)
        keys = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        scaling = named.get("scaling") or query.shape[-1] ** -0.5
        scores = query @ keys.transpose(-1, -2) * scaling
        cap = named.get("softcap")
        if cap:
            scores = (scores / cap).tanh() * cap
        tokens = scores.shape[-1]
        allowed = torch.ones(tokens, tokens).tril().bool() if mask is None else mask >= 0
        scores = scores.masked_fill(~allowed, -torch.inf)
        self.seen[stem + "hook_attn_scores"] = scores.transpose(1, 2).flatten(2)

    def keep_results(self, block, module, z):
        heads = self.config.num_attention_heads
        weight = module.weight if type(module).__name__ == "Conv1D" else module.weight.T
        parts = weight.unflatten(0, (heads, -1))  # [heads, dHead, dModel]
        import torch

        results = torch.einsum("bthi,hio->btho", z.unflatten(-1, (heads, -1)), parts)
        self.seen[block + "attn.hook_result"] = results.flatten(2)

    def run(self, ids, changed=False):
        seen = super().run(ids, changed)
        for index in range(len(self.layers)):
            block = f"blocks.{index}."
            seen[block + "hook_attn_in"] = seen[block + "hook_resid_pre"]
            middle = "hook_resid_pre" if self.is_parallel else "hook_resid_mid"
            seen[block + "hook_mlp_in"] = seen[block + middle]
            if changed:
                continue
            heads = self.config.num_attention_heads
            scores, pattern = seen[block + "attn.hook_attn_scores"], seen[block + "attn.hook_pattern"]
            weights = scores.unflatten(-1, (heads, -1)).softmax(-1).flatten(2)
            self.compare(block + "attn.hook_attn_scores", pattern, weights)
            bias = self.module(self.layers[index], self.layout.projection).bias
            total = seen[block + "attn.hook_result"].unflatten(-1, (heads, -1)).sum(2)
            total = total if bias is None else total + bias
            self.compare(block + "attn.hook_result", self.inner[block + "projection"], total)
        return seen


def load(folder, **settings):
    """The model of a folder in fp32 with eager attention."""
    import torch
    import transformers

    torch.set_num_threads(1)
    # Version 4 has no other experts.
    if int(transformers.__version__.split(".")[0]) >= 5:
        settings.setdefault("experts_implementation", "eager")
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **settings
    ).eval()


def widened():
    """A context in which whatever asks for float32 gets float64: models' code does so in norms, in the
    softmax and for rotary angles, whatever their weights are."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Widened(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            def wide(value):
                return torch.float64 if value is torch.float32 else value

            if function is torch.Tensor.float:
                function = torch.Tensor.double
            named = {name: wide(value) for name, value in (kwargs or {}).items()}
            return function(*map(wide, args), **named)

    return Widened()


def load_tokenizer(folder):
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder)
    # What is missing shows as one of many kinds of errors.
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(": ")
        raise Unusable(
            f"{folder}: its tokenizer cannot be read ({reason}); give prompts as token_ids"
        ) from None


def read_prompts(path, folder):
    """The ids of every row."""
    tokenizer = None
    sequences = []
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            ids, text = row.get("token_ids"), row.get("text")
        except (ValueError, AttributeError):
            raise Unusable(f"{path}, line {number}: is no JSON object") from None
        if ids is None and isinstance(text, str):
            if tokenizer is None:
                tokenizer = load_tokenizer(folder)
            ids = tokenizer(text)["input_ids"]
        if not isinstance(ids, list) or not ids or not all(type(x) is int for x in ids):
            raise Unusable(f"{path}, line {number}: needs a 'text' or a list of 'token_ids'")
        sequences.append(ids)
    if not sequences:
        raise Unusable(f"{path}: holds no prompt")
    return sequences


def row_distances(values, expected):
    """For each row the norm of the difference in units of the norm of the row; 0 for rows of zeros."""
    import torch

    # Scores are minus infinity where a query does not look.
    values = torch.where(expected.isfinite(), values.double(), 0.0)
    expected = torch.where(expected.isfinite(), expected, 0.0)
    sizes = expected.norm(dim=-1)
    differences = (values - expected).norm(dim=-1)
    return torch.where(sizes > 0, differences / sizes, 0.0).float()


def record(recorder, sequences, options, peer=None):
    """What the recorder's model computes, and how far the peer's is from it."""
    import torch

    tensors = {}
    kept = options.layers or set(range(len(recorder.layers)))
    thinned = ("attn_out", "hook_z", "hook_pattern", "mlp_out", "hook_post")
    for index, ids in enumerate(sequences):
        rows = list(range(len(ids))) if options.rows == "all" else [len(ids) - 1]
        theirs = peer.run(ids) if peer else {}
        with widened() if peer else contextlib.nullcontext():
            found = recorder.run(ids)
        for name, value in found.items():
            if options.rows == "last" and name.endswith(("resid_pre", "resid_mid")):
                continue
            if name.endswith(thinned) and int(name.split(".")[1]) not in kept:
                continue
            if name == "unembed.hook_out":
                value = value[..., :: options.logits_stride]
            if peer:
                other = theirs[name]
                if name == "unembed.hook_out":
                    other = other[..., :: options.logits_stride]
                tensors[f"{index}/float32/{name}"] = row_distances(other[0, rows], value[0, rows])
            tensors[f"{index}/{name}"] = value[0, rows].float().contiguous().clone()
        tensors[f"{index}/positions"] = torch.tensor(rows, dtype=torch.float32)
        tensors[f"{index}/ids"] = torch.tensor(ids, dtype=torch.float32)
        if options.greedy:
            with widened() if peer else contextlib.nullcontext():
                greedy = recorder.greedy(ids, options.greedy)
            tensors[f"{index}/greedy"] = torch.tensor(greedy, dtype=torch.float32)
        print(f"prompt {index}: {len(ids)} tokens", file=sys.stderr)
    return tensors


def parse(arguments=None):
    head, _, tail = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=head, epilog=tail, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a Hugging Face folder")
    parser.add_argument("--prompts", required=True, help="JSONL rows with text or token_ids")
    parser.add_argument("--out", required=True, help="the safetensors file to write")
    parser.add_argument(
        "--dtype", choices=["float32", "float64"], default="float32",
        help="the arithmetic of the model; float64 also says how far float32 is from it",
    )
    parser.add_argument(
        "--rows", choices=["all", "last"], default="all",
        help="tokens to keep; 'last' also leaves hook_resid_pre and hook_resid_mid out",
    )
    parser.add_argument(
        "--layers", type=lambda text: {int(x) for x in text.split(",")},
        help="layers to keep, as 0,14; residual streams are kept for all (default: all)",
    )
    parser.add_argument(
        "--logits-stride", type=int, default=1, help="keep one logit of so many (default: 1)"
    )
    parser.add_argument(
        "--greedy", type=int, default=0, help="tokens to generate greedily (default: 0)"
    )
    parser.add_argument(
        "--all-hooks", action="store_true",
        help="record every hook; scores and heads' results are large",
    )
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    try:
        import safetensors.torch
        import torch
        import transformers
    except ImportError as error:
        raise Unusable(f"{error}; run: python -m pip install torch transformers safetensors")
    if not (pathlib.Path(options.model) / "config.json").is_file():
        raise Unusable(f"{options.model}: is no Hugging Face folder, having no config.json")
    if not pathlib.Path(options.out).resolve().parent.is_dir():
        raise Unusable(f"{options.out}: its folder does not exist")
    sequences = read_prompts(options.prompts, options.model)
    kind = FullRecorder if options.all_hooks else Recorder
    recorder = kind(load(options.model))
    peer = None
    if options.dtype == "float64":
        peer = recorder
        recorder = kind(load(options.model).double())
    with torch.no_grad():
        tensors = record(recorder, sequences, options, peer)
    blas = "MKL" if torch.backends.mkl.is_available() else "without MKL"
    metadata = {
        "logits_stride": str(options.logits_stride), "dtype": options.dtype,
        "model_type": recorder.config.model_type, "transformers": transformers.__version__,
        "torch": torch.__version__,
        "kernels": f"{torch.backends.cpu.get_cpu_capability()}, {blas}",
    }
    safetensors.torch.save_file(tensors, options.out, metadata=metadata)


if __name__ == "__main__":
    try:
        main()
    except (Unusable, OSError) as error:
        sys.exit(f"error: {error}")
