"""Records blocks.json: random stored blocks and what the gguf package makes of them, bit by bit.

    python blocks.py ../Golden/blocks.json

Needs: pip install gguf numpy
"""

import hashlib
import json
import sys

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

# Where the half-precision scales stand in a block of each type.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
# Zeros, the smallest and largest subnormals, the smallest and largest normals, plain ones.
HALVES = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00, 0x2E66, 0x9555]

random = numpy.random.default_rng(135)
golden = {}
for name, places in SCALES.items():
    kind = GGMLQuantizationType[name]
    elements, size = GGML_QUANT_SIZES[kind]
    count = 33 if elements == 32 else 11
    blocks = random.integers(0, 256, size=(count, size), dtype=numpy.uint8)
    for index, block in enumerate(blocks):
        for nth, place in enumerate(places):
            half = HALVES[(index + 3 * nth) % len(HALVES)]
            block[place : place + 2] = [half & 255, half >> 8]
    values = dequantize(blocks.reshape(-1), kind)
    assert values.dtype == numpy.float32 and numpy.isfinite(values).all()
    golden[name] = {
        "elements": elements * count,
        "stored": blocks.tobytes().hex(),
        "expanded": values.tobytes().hex(),
    }

# Every 16-bit pattern that is not a NaN.
patterns = numpy.arange(65536, dtype=numpy.uint16)
for name, exponent in (("F16", 0x7C00), ("BF16", 0x7F80)):
    plain = numpy.where((patterns & 0x7FFF) > exponent, 0, patterns).astype(numpy.uint16)
    if name == "F16":
        values = plain.view(numpy.float16).astype(numpy.float32)
    else:
        values = dequantize(plain.view(numpy.uint8), GGMLQuantizationType.BF16)
    golden[name] = {"sha256OfAllPatterns": hashlib.sha256(values.tobytes()).hexdigest()}

with open(sys.argv[1], "w") as file:
    json.dump(golden, file, indent=0)
    file.write("\n")
