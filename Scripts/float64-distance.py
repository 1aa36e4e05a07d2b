#!/usr/bin/env python3
"""Print how far Bathyscope and transformers in float32 are from transformers in float64, by hook and layer.

usage: float64-distance.py [--model FOLDER] [--prompts FILE.jsonl] [--bathyscope PATH] [--keep FILE]

  python -m pip install -r Benchmarks/requirements.txt
  Scripts/float64-distance.py

Without --model it is the demo model, SmolLM2-135M-Instruct, whose published GGUF file is dequantised
to a Hugging Face folder first; the prompts are the eight of Benchmarks/distance.jsonl, of 6 to 324
tokens. A row's distance is the norm of the difference in units of the norm of the float64 row; a
figure is the geometric mean over the prompts of the mean over the rows. The second column is what
`bathyscope parity` prints for a reference that Scripts/record-reference.py recorded with --dtype
float64; this script only records one and prints it layer by layer.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command, statuses=(0,)):
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    if result.returncode not in statuses:
        sys.exit(f"error: '{command[1]}' of {command[0]} failed with status {result.returncode}")
    return result.stdout


def demo_folder(bathyscope):
    """The demo model as a Hugging Face folder, made once."""
    folder = ROOT / ".build" / "bench" / "smollm2-135m"
    if not (folder / "tokenizer.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        gguf = run([bathyscope, "models", "get", "smollm2-135m"]).split("\n")[-2].strip()
        run([sys.executable, ROOT / "Benchmarks" / "make_checkpoint.py", gguf, folder])
    return folder


def mean(distances):
    """The geometric means of both and their ratio."""
    count = sum(row["tensors"] for row in distances)
    ours, theirs = (
        math.exp(sum(row["tensors"] * math.log(row[key]) for row in distances) / count)
        for key in ("ours", "transformers")
    )
    return f"{ours:.1e}  {theirs:.1e}  {ours / theirs:5.2f}"


def show(result):
    distances = result["parity"]["distances"]
    sites, layers = {}, {}
    for row in distances:
        name = row["hook"].split(".", 2)[2] if row["hook"].startswith("blocks.") else row["hook"]
        sites.setdefault(name, []).append(row)
        if name == "hook_resid_post":
            layers[row["hook"]] = [row]
    by = ", ".join(f"{name} {value}" for name, value in sorted(result["recorded_by"].items()))
    print(f"{result['model']}, {result['kernel']}, beside {by}\n")
    for title, table in (("hook", sites), ("residual stream after block", layers)):
        print(f"{title:30}ours     float32  ratio")
        for name, rows in table.items():
            print(f"{name:30}{mean(rows)}")
        print()
    print(f"{'all tensors':30}{mean(distances)}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a Hugging Face folder; the demo model by default")
    parser.add_argument("--prompts", default=ROOT / "Benchmarks" / "distance.jsonl")
    parser.add_argument("--bathyscope", default=ROOT / ".build" / "release" / "bathyscope")
    parser.add_argument("--keep", help="where to leave the recorded reference")
    options = parser.parse_args()
    folder = options.model or demo_folder(options.bathyscope)
    with tempfile.TemporaryDirectory() as scratch:
        reference = options.keep or pathlib.Path(scratch) / "reference.safetensors"
        run([sys.executable, ROOT / "Scripts" / "record-reference.py", "--model", folder, "--prompts",
             options.prompts, "--dtype", "float64", "--logits-stride", "16", "--out", reference])
        # Status 1 says that something is not within parity's bound; its distance is printed even so.
        show(json.loads(run(
            [options.bathyscope, "parity", "--model", options.model or "smollm2-135m",
             "--reference", reference, "--json"], statuses=(0, 1))))


if __name__ == "__main__":
    main()
