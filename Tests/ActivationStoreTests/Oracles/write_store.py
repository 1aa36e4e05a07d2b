"""Writes a small activation file with h5py in HDF5's oldest format, from the layout's description alone.

    python write_store.py ../Golden/h5py.h5

The reader is tested on it: another program's file, and one whose metadata carry no checksums, so that
flipped bits reach libhdf5.
"""

import hashlib
import sys

import h5py
import numpy as np

TEXT = h5py.string_dtype("utf-8")


def main(path):
    with h5py.File(path, "w", libver="earliest") as file:
        attributes = dict(
            format="bathyscope-activations", created="2026-01-02T03:04:05Z", tool_version="0",
            model_id="tiny", model_architecture="llama", model_sha256="00", model_config_sha256="11",
            model_config_json="{}", tokenizer_sha256="", template_sha256="22", config_json="{}",
            config_sha256=hashlib.sha256(b"{}").hexdigest(), precision="float32", kernel="none", arguments="", positions="")
        for name, value in attributes.items():
            file.attrs.create(name, value, dtype=TEXT)
        file.attrs["format_version"] = np.int64(1)
        file.attrs["seed"] = np.uint64(2**64 - 1)

        file["index/prompt_id"] = np.array(["a", "née", "c"], dtype=TEXT)
        file["index/prompt_offset"] = np.array([0, 2, 2, 5], np.int64)
        file["index/position"] = np.array([0, 2, 0, 1, 2], np.int32)
        file["index/segment"] = np.array([0, 1, 0, 2, 3], np.uint8)
        file["tokens/offset"] = np.array([0, 3, 4, 7], np.int64)
        file["tokens/id"] = np.array([5, 6, 7, 8, 9, 10, 11], np.int32)
        file["tokens/segment"] = np.array([0, 1, 1, 1, 0, 2, 3], np.uint8)
        file["labels/class"] = np.array(["harmful", "harmless", "harmful"], dtype=TEXT)
        file["labels/score"] = np.array([0.5, np.nan, -1])

        rows, layers, width = 5, 2, 3
        values = np.arange(rows * layers * width, dtype=np.float32).reshape(rows, layers, width)
        file["acts/layer"] = np.array([4, 7], np.int32)
        for name, hook, data in [
            ("resid_post", "blocks.*.hook_resid_post", values),
            ("ln_final", "ln_final.hook_out", -values[:, 0, :]),
        ]:
            chunk = (2, 1, width)[:1] + (1,) * (data.ndim - 2) + (width,)
            made = file["acts"].create_dataset(name, data=data, chunks=chunk, fillvalue=np.nan)
            made.attrs.create("hook", hook, dtype=TEXT)
            made.attrs.create("definition", "For tests.", dtype=TEXT)
            made.attrs["nan_count"] = np.int64(0)
            made.attrs["infinity_count"] = np.int64(0)


if __name__ == "__main__":
    main(sys.argv[1])
