#!/usr/bin/env python3
"""Measures Bathyscope beside Hugging Face transformers, in turns, in one run.

usage: run.py [--prompts 256] [--rounds 3] [--threads N] [--python PATH] [--bathyscope PATH]

Captures the residual stream at all 31 points at every token to float32 HDF5, and starts the tools.
Prints a table; the figures as JSON go to .build/bench/results.json. Needs Python 3.9 alone; the peer's
packages are installed into .venv-bench unless --python names an interpreter that has them.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

from prompts import prompts

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
WORK = os.path.join(ROOT, ".build", "bench")
HOOKS = "hook_embed,blocks.*.hook_resid_post"
MODEL = "smollm2-135m"


def measured(command):
    """Runs a command: its output, wall time in seconds and peak memory in MB."""
    begin = time.perf_counter()
    quiet = dict(os.environ, TQDM_DISABLE="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=quiet)
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"failed ({process.returncode}): {' '.join(command)}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return output, seconds, usage.ru_maxrss / unit * 1.048576


def peer_python():
    """An interpreter with the peer's packages."""
    folder = os.path.join(ROOT, ".venv-bench")
    python = os.path.join(folder, "bin", "python")
    done = os.path.join(folder, "installed.txt")
    if not os.path.exists(done):
        print("installing the peer into .venv-bench", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The plain package brings gigabytes for graphics cards, so the one for processors goes first.
        if subprocess.run(pip + ["torch==2.13.0+cpu"], stderr=subprocess.DEVNULL).returncode != 0:
            subprocess.run(pip + ["torch"], check=True)
        subprocess.run(pip + ["-r", os.path.join(HERE, "requirements.txt")], check=True)
        open(done, "w").close()
    return python


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            fields = dict(
                [part.strip() for part in line.split(":", 1)] for line in file if ":" in line)
    except OSError:
        return platform.processor()
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_tile")
              if flag in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine())} ({' '.join(wanted)})"


def spread(values, form="{:.0f}"):
    """Median, least and greatest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{form.format(middle)} ({form.format(low)} to {form.format(high)})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--python", help="an interpreter with the peer's packages")
    parser.add_argument(
        "--bathyscope", default=os.path.join(ROOT, ".build", "release", "bathyscope"))
    options = parser.parse_args()
    os.makedirs(WORK, exist_ok=True)

    python = options.python or peer_python()
    gguf = measured([options.bathyscope, "models", "get", MODEL])[0].split("\n")[-2].strip()
    checkpoint = os.path.join(WORK, MODEL)
    if not os.path.exists(os.path.join(checkpoint, "tokenizer.json")):
        measured([python, os.path.join(HERE, "make_checkpoint.py"), gguf, checkpoint])
    rows = os.path.join(WORK, "prompts.jsonl")
    with open(rows, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in prompts(options.prompts))

    ours, theirs = (os.path.join(WORK, name) for name in ("bathyscope.h5", "transformers.h5"))
    threads = str(options.threads)
    commands = {
        "bathyscope": [
            options.bathyscope, "capture", "--model", MODEL, "--prompts", rows, "--hooks", HOOKS,
            "--positions", "all", "--threads", threads, "--out", ours, "--json"],
        "transformers": [
            python, os.path.join(HERE, "transformers_capture.py"), checkpoint, rows, theirs, threads],
    }
    starts = {
        "bathyscope": [options.bathyscope, "tokens", "--model", MODEL, "--text", "Hello"],
        "transformers": [
            python, "-c", "import sys; from transformers import AutoTokenizer; "
            "print(AutoTokenizer.from_pretrained(sys.argv[1])('Hello').input_ids)", checkpoint],
    }
    runs = {name: [] for name in commands}
    for round_number in range(options.rounds):
        for name, command in commands.items():
            if os.path.exists(ours) and name == "bathyscope":
                os.remove(ours)
            load = os.getloadavg()[0]
            output, wall, memory = measured(command)
            start = measured(starts[name])[1]
            result = json.loads(output)
            runs[name].append({
                "tokens": result["tokens"], "seconds": result["seconds"],
                "tokens_per_second": result["tokens_per_second"], "process_seconds": wall,
                "peak_mb": memory, "start_seconds": start, "load_before": load,
                "versions": result.get("versions")})
            print(f"round {round_number + 1}, {name}: {result['tokens_per_second']:.0f} tokens/s, "
                  f"peak {memory:.0f} MB", file=sys.stderr)
    agreement = json.loads(
        measured([python, os.path.join(HERE, "agreement.py"), ours, theirs])[0])
    for path in (ours, theirs):
        os.remove(path)

    ratios = [a["tokens_per_second"] / b["tokens_per_second"]
              for a, b in zip(runs["bathyscope"], runs["transformers"])]
    results = {
        "processor": processor(), "kernel": platform.platform(), "threads": options.threads,
        "commit": subprocess.run(
            ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True,
            text=True).stdout.strip(),
        "command": "make bench", "arguments": sys.argv[1:], "prompts": options.prompts,
        "tokens": runs["bathyscope"][0]["tokens"], "runs": runs, "ratios": ratios,
        "agreement": agreement}
    with open(os.path.join(WORK, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2)

    def column(name, key, form="{:.0f}"):
        return spread([run[key] for run in runs[name]], form)

    versions = runs["transformers"][0]["versions"]
    print(f"\n{results['processor']}, {results['threads']} threads, {results['kernel']}")
    print(f"{options.prompts} prompts, {results['tokens']} tokens, {options.rounds} rounds in turns; "
          f"transformers {versions['transformers']}, torch {versions['torch']}\n")
    print("| median (least to greatest) | Bathyscope | transformers |\n|---|---|---|")
    for title, key, form in (
            ("capture, tokens/s", "tokens_per_second", "{:.0f}"),
            ("peak memory, MB", "peak_mb", "{:.0f}"), ("start, s", "start_seconds", "{:.2f}")):
        print(f"| {title} | {column('bathyscope', key, form)} | "
              f"{column('transformers', key, form)} |")
    print(f"| ratio of tokens/s | {spread(ratios, '{:.2f}')} | 1 |\n")
    print("largest difference between the captures, relative to the largest entry of the layer: "
          f"{agreement['largest_relative_difference']:.1e}")


if __name__ == "__main__":
    main()
