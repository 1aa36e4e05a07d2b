"""Opens an activation file as a reader in Python would, and checks what it finds.

    python check_store.py acts.h5                 what holds for every file
    python check_store.py acts.h5 expected.json   and these exact values

Needs numpy, h5py, xarray and h5netcdf. Prints "ok" and exits with 0, or raises.
"""

import json
import sys

import h5py
import numpy as np
import xarray as xr

ROOT = """format format_version created tool_version model_id model_architecture model_sha256
model_config_sha256 model_config_json tokenizer_sha256 template_sha256 config_sha256 config_json
precision kernel arguments seed positions""".split()


def check_h5py(path):
    with h5py.File(path, "r") as file:
        for name in ROOT:
            assert name in file.attrs, name
        assert file.attrs["format"] == "bathyscope-activations"
        assert file.attrs["format_version"] == 2
        json.loads(file.attrs["config_json"])
        json.loads(file.attrs["model_config_json"])

        prompts = len(file["index/prompt_id"])
        offsets = file["index/prompt_offset"][:]
        bounds = file["tokens/offset"][:]
        rows = len(file["index/position"])
        assert offsets.dtype == np.int64 and bounds.dtype == np.int64
        assert len(offsets) == len(bounds) == prompts + 1
        assert offsets[0] == 0 and offsets[-1] == rows and (np.diff(offsets) >= 0).all()
        assert bounds[0] == 0 and bounds[-1] == len(file["tokens/id"])
        assert file["index/position"].dtype == np.int32 and file["tokens/id"].dtype == np.int32
        assert file["index/segment"].dtype == np.uint8 and file["tokens/segment"].dtype == np.uint8
        assert all(isinstance(name, str) for name in file["index/prompt_id"].asstr()[:])

        # A row's segment is that of its token.
        prompt = np.repeat(np.arange(prompts), np.diff(offsets))
        token = bounds[prompt] + file["index/position"][:]
        assert (file["tokens/segment"][:][token] == file["index/segment"][:]).all()

        for name, data in file["acts"].items():
            if "hook" not in data.attrs:
                continue
            names = [scale.label or scale[0].name.split("/")[-1] for scale in data.dims]
            assert names[0] == "row" and data.shape[0] == rows, names
            assert data.attrs["definition"]
            assert np.isnan(data.attrs["_FillValue"]) and np.isnan(data.fillvalue)
            values = data[:]
            assert values.dtype in (np.float32, np.float16), values.dtype
            assert np.isnan(values).sum() == data.attrs["nan_count"]
            assert np.isinf(values).sum() == data.attrs["infinity_count"]
            if data.attrs["hook"].startswith("blocks.*."):
                assert names[1].startswith("layer") and len(names) == 3, names
                assert data.chunks[1] == 1
            else:
                assert len(names) == 2, names
        for name, data in file["labels"].items():
            assert data.shape == (prompts,), name
        if "acts/layer" in file:
            assert (file["index/layer"][:] == file["acts/layer"][:]).all()


def check_xarray(path):
    with xr.open_dataset(path, engine="h5netcdf", group="acts") as acts:
        for name, data in acts.data_vars.items():
            assert data.dims[0] == "row", (name, data.dims)
            if len(data.dims) == 3:
                assert data.dims[1].startswith("layer"), (name, data.dims)
                assert data.dims[1] in data.coords, (name, data.coords)
                layer = int(data[data.dims[1]][-1])
                data.sel({data.dims[1]: layer}).values
        dims = {name: data.dims for name, data in acts.data_vars.items()}
    with xr.open_dataset(path, engine="h5netcdf", group="index") as index:
        assert index["position"].dims == ("row",)
        assert index["prompt_id"].dims == ("prompt",)
        assert index["prompt_offset"].dims == ("prompt_bound",)
    with xr.open_dataset(path, engine="h5netcdf", group="tokens") as tokens:
        assert tokens["id"].dims == ("token",)
    with xr.open_dataset(path, engine="h5netcdf", group="labels") as labels:
        for name, data in labels.data_vars.items():
            assert data.dims == ("prompt",), (name, data.dims)
    with xr.open_dataset(path, engine="h5netcdf") as root:
        assert root.attrs["format"] == "bathyscope-activations"
    return dims


def check_expected(path, expected, dims):
    for name, names in expected["dims"].items():
        assert list(dims[name]) == names, (name, dims[name])
    with h5py.File(path, "r") as file:
        for name, value in expected["attributes"].items():
            assert file.attrs[name] == value, (name, file.attrs[name])
        for name, values in expected["values"].items():
            data = file[name]
            found = data.asstr()[:] if h5py.check_string_dtype(data.dtype) else data[:]
            values = np.array(values, dtype=found.dtype)
            assert found.shape == values.shape, (name, found.shape, values.shape)
            if found.dtype.kind == "f":
                assert np.array_equal(found, values, equal_nan=True), name
            else:
                assert (found == values).all(), name


if __name__ == "__main__":
    check_h5py(sys.argv[1])
    dims = check_xarray(sys.argv[1])
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            check_expected(sys.argv[1], json.load(file), dims)
    print("ok", {name: list(value) for name, value in dims.items()})
