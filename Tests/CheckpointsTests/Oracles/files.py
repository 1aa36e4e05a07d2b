"""Records files.json: small files as the gguf and safetensors packages write them.

    python files.py ../Golden/files.json

Needs: pip install gguf safetensors numpy
"""

import json
import os
import sys
import tempfile

import numpy
import safetensors.numpy
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize

random = numpy.random.default_rng(7)


def gguf_file():
    path = os.path.join(tempfile.mkdtemp(), "small.gguf")
    writer = GGUFWriter(path, "llama")
    writer.add_uint8("test.uint8", 255)
    writer.add_int8("test.int8", -128)
    writer.add_uint16("test.uint16", 65535)
    writer.add_int16("test.int16", -32768)
    writer.add_uint32("test.uint32", 2**32 - 1)
    writer.add_int32("test.int32", -(2**31))
    writer.add_uint64("test.uint64", 2**64 - 1)
    writer.add_int64("test.int64", -(2**63))
    writer.add_float32("test.float32", 0.1)
    writer.add_float64("test.float64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "stream é")
    writer.add_array("test.strings", ["a", "", "é", "e\u0301"])
    writer.add_array("test.integers", [1, -2, 3])
    writer.add_array("test.floats", [0.5, -1.5])
    writer.add_key_value("test.bools", [True, False], GGUFValueType.ARRAY, GGUFValueType.BOOL)
    tensors = {
        "plain": (random.standard_normal((2, 3, 5), dtype=numpy.float32), "F32"),
        "half": (random.standard_normal((3, 4), dtype=numpy.float32), "F16"),
        "blocks": (random.standard_normal((5, 64), dtype=numpy.float32), "Q4_1"),
        "bytes": (random.standard_normal((2, 32), dtype=numpy.float32), "Q8_0"),
    }
    for name, (values, kind) in tensors.items():
        kind = GGMLQuantizationType[kind]
        writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    expected = {}
    for tensor in GGUFReader(path).tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        expected[tensor.name] = {
            "type": tensor.tensor_type.name,
            "shape": list(tensors[tensor.name][0].shape),
            "values": values.tobytes().hex(),
        }
    with open(path, "rb") as file:
        return {"file": file.read().hex(), "tensors": expected}


def safetensors_file():
    tensors = {
        "bias": numpy.array([0.0, -0.0, 1e-45, 3.4e38], dtype=numpy.float32),
        "mean.é": random.standard_normal((2, 0, 3), dtype=numpy.float32),
        "weight": random.standard_normal((2, 3), dtype=numpy.float32),
    }
    content = safetensors.numpy.save(tensors, metadata={"note": 'a "quoted" \\ é'})
    return {
        "file": content.hex(),
        "tensors": {
            name: {"type": "F32", "shape": list(values.shape), "values": values.tobytes().hex()}
            for name, values in tensors.items()
        },
    }


with open(sys.argv[1], "w") as file:
    json.dump({"gguf": gguf_file(), "safetensors": safetensors_file()}, file, indent=0)
    file.write("\n")
