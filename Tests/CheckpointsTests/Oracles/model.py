"""Records model.json: the SHA-256 of every eighth row of each tensor of a GGUF model,
expanded by the gguf package.

    python model.py SmolLM2-135M-Instruct.Q4_1.gguf ../Golden/model.json

Needs: pip install gguf numpy
"""

import hashlib
import json
import sys

import numpy
from gguf import GGUFReader
from gguf.quants import dequantize

tensors = {}
for tensor in GGUFReader(sys.argv[1]).tensors:
    values = dequantize(tensor.data, tensor.tensor_type).astype("<f4")
    rows = values.reshape(-1, values.shape[-1])[::8]
    tensors[tensor.name] = {
        "type": tensor.tensor_type.name,
        "shape": [int(size) for size in reversed(tensor.shape)],
        "sha256": hashlib.sha256(numpy.ascontiguousarray(rows).tobytes()).hexdigest(),
    }
with open(sys.argv[2], "w") as file:
    json.dump(tensors, file, indent=0)
    file.write("\n")
