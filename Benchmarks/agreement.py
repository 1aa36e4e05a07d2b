"""The largest difference between the two captures, per layer relative to its largest entry.

usage: agreement.py BATHYSCOPE.h5 TRANSFORMERS.h5
"""
import json
import sys

import h5py
import numpy

ours, theirs = (h5py.File(path) for path in sys.argv[1:])
offsets = ours["index/prompt_offset"][...]
place = {name: number for number, name in enumerate(ours["index/prompt_id"].asstr()[...])}
worst, start = 0.0, 0
for name, length in zip(theirs["id"].asstr()[...], theirs["length"][...]):
    begin, end = offsets[place[name]:place[name] + 2]
    assert end - begin == length, f"{name}: {end - begin} tokens against {length}"
    expected = theirs["resid"][:, start:start + length]
    found = numpy.concatenate([
        ours["acts/embed"][begin:end][None],
        ours["acts/resid_post"][begin:end].transpose(1, 0, 2)])
    scale = numpy.abs(expected).max(axis=(1, 2))
    worst = max(worst, float((numpy.abs(found - expected).max(axis=(1, 2)) / scale).max()))
    start += length
print(json.dumps({"largest_relative_difference": worst, "tokens": int(start)}))
