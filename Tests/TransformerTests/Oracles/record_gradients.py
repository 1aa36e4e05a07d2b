"""Record gradients and a steered generation of a model by PyTorch, for Bathyscope's own.

usage: record_gradients.py --model FOLDER --prompts FILE.jsonl --prompt 2 --out GRADIENTS.safetensors

For one prompt, "ids", the file holds three scalars, each with everything needed to repeat it:

  log_probability   of the token in metadata "token" after the last position, natural logarithm
  logit_gap         logit of metadata "positive" minus that of "negative" at the last position
  probe_score       "probe_score/vector" . blocks.L.hook_resid_post at position P, metadata
                    "probe_layer" and "probe_position"

For scalar S, "S/value" is its value [1] and "S/gradient/<hook>" its gradient [T, width] at a hook:
hook_resid_post, attn.hook_z, hook_attn_out, mlp.hook_post of every block, and hook_resid_pre of the
first. The others are the same tensors as some of these: the gradient at hook_resid_pre is that at
the hook_resid_post before it, and that at hook_mlp_out the one at hook_resid_post, which this
script checks. A gradient that is zero because the hook comes after the scalar is left out.
"S/derivative" [1] is the forward-mode derivative of S in the direction "tangent" [1, dModel], added at every
position of blocks.N.hook_resid_post for N of metadata "tangent_layer".

"steering" [1, dModel], added to blocks.N.hook_resid_post (metadata "steering_layer") at positions
from metadata "steering_from" on, those of generated tokens too, gives "steered/greedy" [12] by
generation with a cache, and "steered/logits" [12, dVocabulary], from which they were chosen.
All vectors and numbers are in the file; metadata are texts.
"""
import argparse
import importlib.machinery
import importlib.util
import pathlib

import torch
from safetensors.torch import save_file
from torch.autograd import forward_ad

path = pathlib.Path(__file__).resolve().parents[3] / "Scripts" / "record-reference.py"
loader = importlib.machinery.SourceFileLoader("record_reference", str(path))
reference = importlib.util.module_from_spec(
    importlib.util.spec_from_loader("record_reference", loader))
loader.exec_module(reference)

SITES = (
    "hook_resid_pre", "hook_resid_post", "attn.hook_z", "hook_attn_out", "mlp.hook_post",
    "hook_mlp_out",
)


class Addition:
    """Adds a vector to what a block gives, from a position on, while it is in force."""

    def __init__(self, layer, vector, start=0):
        self.vector, self.start, self.position = vector, start, 0
        self.handle = layer.register_forward_hook(self, prepend=True)

    def __call__(self, module, inputs, result):
        value = result[0] if isinstance(result, tuple) else result
        positions = torch.arange(self.position, self.position + value.shape[1])
        self.position += value.shape[1]
        addend = (positions >= self.start).float()[:, None] * self.vector
        value = value + addend
        return (value, *result[1:]) if isinstance(result, tuple) else value

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.handle.remove()


def scalars(seen, settings, vector):
    logits = seen["unembed.hook_out"][0, -1]
    probed = seen[f"blocks.{settings['probe_layer']}.hook_resid_post"]
    return {
        "log_probability": logits.log_softmax(-1)[settings["token"]],
        "logit_gap": logits[settings["positive"]] - logits[settings["negative"]],
        "probe_score": probed[0, settings["probe_position"]] @ vector,
    }


def twin(hook):
    """The hook whose gradient is that of this one in every model; none for a hook of its own."""
    layer, _, site = hook.removeprefix("blocks.").partition(".")
    if site == "hook_mlp_out":
        return f"blocks.{layer}.hook_resid_post"
    if site == "hook_resid_pre" and layer != "0":
        return f"blocks.{int(layer) - 1}.hook_resid_post"
    return None


def same_gradient(one, other):
    if one is None or other is None:
        return one is other or (one is None and not other.any()) or (other is None and not one.any())
    return torch.equal(one, other)


def check_differences(recorder, ids, settings, probe, name, derivative, tangent):
    """Compares a derivative with central differences.

    In double precision, which norms and softmaxes leave for single: the step is large for that.
    """
    layer = recorder.layers[settings["tangent_layer"]]
    values = []
    recorder.model.double()
    for sign in (1, -1):
        with torch.no_grad(), Addition(layer, sign * 2e-3 * tangent.double()):
            values.append(scalars(recorder.run(ids, True), settings, probe.double())[name])
    recorder.model.float()
    difference = float(values[0] - values[1]) / 4e-3
    assert abs(difference - float(derivative)) <= 1e-3 * abs(difference) + 2e-3, (
        name, difference, derivative)


def record(recorder, ids):
    generator = torch.Generator().manual_seed(23)
    count, vocabulary = len(recorder.layers), recorder.config.vocab_size
    width = recorder.config.hidden_size
    probe, tangent, steering = torch.randn(3, width, generator=generator)
    settings = dict(
        token=vocabulary // 3, positive=vocabulary // 2, negative=vocabulary - 4,
        probe_layer=min(2, count - 1), probe_position=len(ids) - 4,
        tangent_layer=min(1, count - 2), steering_layer=min(1, count - 2), steering_from=3,
    )
    tensors = {
        "ids": torch.tensor(ids).float(), "probe_score/vector": probe[None],
        "tangent": tangent[None],
    }
    seen = recorder.run(ids)
    hooks = [name for name in seen if name.endswith(SITES)]
    for name, value in scalars(seen, settings, probe).items():
        found = torch.autograd.grad(
            value, [seen[hook] for hook in hooks], retain_graph=True, allow_unused=True)
        found = dict(zip(hooks, found))
        for hook, gradient in found.items():
            same = twin(hook)
            if same is not None:
                assert same_gradient(gradient, found[same]), hook
            elif gradient is not None:
                tensors[f"{name}/gradient/{hook}"] = gradient[0].clone().contiguous()
        tensors[f"{name}/value"] = value.detach().reshape(1).clone()
    with forward_ad.dual_level(), torch.no_grad():
        dual = forward_ad.make_dual(torch.zeros(width), tangent)
        with Addition(recorder.layers[settings["tangent_layer"]], dual):
            moved = scalars(recorder.run(ids, True), settings, probe)
        for name, value in moved.items():
            derivative = forward_ad.unpack_dual(value).tangent
            along = tensors[f"{name}/gradient/blocks.{settings['tangent_layer']}.hook_resid_post"]
            torch.testing.assert_close(derivative, (along @ tangent).sum(), rtol=1e-4, atol=1e-5)
            tensors[f"{name}/derivative"] = derivative.reshape(1).clone()
    for name in moved:
        check_differences(
            recorder, ids, settings, probe, name, tensors[f"{name}/derivative"], tangent)
    with torch.no_grad():
        steer(recorder, ids, settings, steering, tensors)
    return tensors, {key: str(value) for key, value in settings.items()}


def steer(recorder, ids, settings, vector, tensors):
    layer = recorder.layers[settings["steering_layer"]]
    free = recorder.greedy(ids, 12)
    # A short vector may change nothing that greedy decoding shows.
    for scale in (1.0, 2.0, 4.0, 8.0):
        with Addition(layer, scale * vector, settings["steering_from"]):
            recorder.model.generation_config.max_new_tokens = 12
            prompt = torch.tensor([ids])
            steered = recorder.model.generate(prompt, attention_mask=torch.ones_like(prompt))
        chosen = steered[0, len(ids) :].tolist()
        if sum(a != b for a, b in zip(chosen, free)) >= 6:
            break
    else:
        raise reference.Unusable("steering changes no token")
    with Addition(layer, scale * vector, settings["steering_from"]):
        logits = recorder.model(steered, use_cache=False).logits[0, len(ids) - 1 : -1]
    assert logits.argmax(-1).tolist() == chosen, "the cache changes the steered tokens"
    tensors["steering"] = (scale * vector)[None]
    tensors["steered/greedy"] = torch.tensor(chosen).float()
    tensors["steered/logits"] = logits.clone().contiguous()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--prompt", type=int, default=0)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    ids = reference.read_prompts(options.prompts, options.model)[options.prompt]
    tensors, settings = record(reference.Recorder(reference.load(options.model)), ids)
    save_file(tensors, options.out, metadata=settings)


if __name__ == "__main__":
    main()
