"""Norms, activations and soft caps with their derivatives, by PyTorch in 64-bit floats.

    python layers.py Golden/layers.json
"""

import json
import sys

import torch

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def floats(*shape, scale=1.0):
    """Random numbers that a 32-bit float holds exactly."""
    return (torch.randn(*shape) * scale).float().double()


def both_ways(function, x, gradient, change):
    """f(x), the gradient of x under a gradient of f, the change of f under a change of x."""
    _, backward = torch.autograd.functional.vjp(function, x, gradient)
    value, tangent = torch.autograd.functional.jvp(function, x, change)
    return value, backward, tangent


def main(path):
    recorded = {}

    def record(name, tensor):
        recorded[name] = [float(f"{v:.9g}") for v in tensor.flatten().tolist()]

    rows, width = 3, 37
    x, gradient, change = floats(rows, width, scale=3), floats(rows, width), floats(rows, width)
    x[1] += 5
    x[2] *= 1e-3
    gain, bias = floats(width), floats(width)
    for name, tensor in dict(x=x, gradient=gradient, change=change, gain=gain, bias=bias).items():
        record(f"norm.{name}", tensor)
    norms = {
        "rms": lambda v: torch.nn.functional.rms_norm(v, [width], gain, 1e-5),
        "layer": lambda v: torch.nn.functional.layer_norm(v, [width], gain, bias, 1e-5),
    }
    for name, function in norms.items():
        for part, tensor in zip(("value", "backward", "tangent"),
                                both_ways(function, x, gradient, change)):
            record(f"{name}.{part}", tensor)

    at = torch.cat([torch.linspace(-9, 9, 73), torch.tensor([1e-4, -1e-6, 13.0, -11.0, 30.0, -30.0])])
    at = at.float().double()
    up, gradient, up_change = floats(len(at)), floats(len(at)), floats(len(at))
    for name, tensor in dict(x=at, up=up, gradient=gradient, change=up_change).items():
        record(f"act.{name}", tensor)
    # The same functions as PyTorch's own, in forms that do not cancel far from zero.
    activations = {
        "silu": torch.nn.functional.silu,
        "gelu": lambda v: v * 0.5 * torch.special.erfc(-v / 2**0.5),
        "gelu_tanh": lambda v: v * torch.sigmoid(
            2 * (2 / torch.pi) ** 0.5 * (v + 0.044715 * v**3)),
        "relu": torch.nn.functional.relu,
    }
    for name, act in activations.items():
        value, backward, _ = both_ways(act, at, gradient, gradient)
        record(f"{name}.value", value)
        record(f"{name}.backward", backward)

        def gated(gate, up):
            return act(gate) * up

        _, (d_gate, d_up) = torch.autograd.functional.vjp(gated, (at, up), gradient)
        value, tangent = torch.autograd.functional.jvp(gated, (at, up), (gradient, up_change))
        for part, tensor in dict(gated=value, d_gate=d_gate, d_up=d_up, tangent=tangent).items():
            record(f"{name}.{part}", tensor)
    for cap in (1.0, 30.0):
        value, backward, _ = both_ways(lambda v: cap * (1 - 2 / (torch.exp(2 * v / cap) + 1)), at, gradient, gradient)
        record(f"softcap{cap:.0f}.value", value)
        record(f"softcap{cap:.0f}.backward", backward)
    with open(path, "w") as file:
        json.dump(recorded, file, separators=(",", ":"))
        file.write("\n")


main(sys.argv[1])
