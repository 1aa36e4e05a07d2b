#!/usr/bin/env python3
"""Measures Bathyscope beside its peers, in turns, in one run, and prints a table.

usage: run.py [--works capture,decode,batch,probes,start] [--prompts 256] [--rounds 3] [--threads N]
              [--python PATH] [--bathyscope PATH]

capture  the residual stream at all 31 points, every token of all prompts, to float32 HDF5
decode   64 tokens for each of 4 prompts, one after another, a vector added after block 15
batch    64 tokens for each of 16 prompts side by side, prefill included, the same vector
probes   logistic regressions on 4,096 x 576 activations of all 31 layers
start    a process that loads the model and generates one token

The figures as JSON go to .build/bench/results.json. Needs Python 3.9 and Swift; the peers' packages
are installed into .venv-bench unless --python names an interpreter that has them.
"""
import argparse
import hashlib
import json
import os
import platform
import struct
import subprocess
import sys
import time

from machine import peer_python, processor, spread
from prompts import prompts

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
WORK = os.path.join(ROOT, ".build", "bench")
HOOKS = "hook_embed,blocks.*.hook_resid_post"
MODEL = "smollm2-135m"
LAYERS, ROWS, WIDTH = 31, 4096, 576
# Whom each of ours is held against.
PEERS = {
    "bathyscope float32": ["transformers float32"], "bathyscope bfloat16x2": ["transformers float32"],
    "bathyscope bfloat16": ["transformers bfloat16"], "bathyscope": ["scikit-learn", "transformers"]}


def work_file(name):
    return os.path.join(WORK, name)


def fresh(name):
    """The path of a file that is not there."""
    path = work_file(name)
    for old in (path, path + ".json"):
        if os.path.exists(old):
            os.remove(old)
    return path


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


class Bench:
    """The contestants' commands for each piece of work."""

    def __init__(self, options):
        self.options, self.threads = options, str(options.threads)
        self.python = options.python or peer_python(ROOT, HERE)
        self.gguf = measured(
            [options.bathyscope, "models", "get", MODEL])[0].split("\n")[-2].strip()
        self.checkpoint = work_file(MODEL)
        if not os.path.exists(os.path.join(self.checkpoint, "tokenizer.json")):
            measured([self.python, os.path.join(HERE, "make_checkpoint.py"), self.gguf,
                      self.checkpoint])
        self.rows = self.write_prompts("prompts.jsonl", options.prompts)
        self.sixteen = self.write_prompts("sixteen.jsonl", 16)
        self.four = self.write_prompts("four.jsonl", 16, 4)
        self.steer = work_file("steer.f32")
        digest = b"".join(hashlib.sha256(bytes([block])).digest() for block in range(WIDTH // 32))
        with open(self.steer, "wb") as file:
            file.write(struct.pack(f"<{WIDTH}f", *((byte - 127.5) / 127.5 for byte in digest)))

    @staticmethod
    def write_prompts(name, count, kept=None):
        with open(work_file(name), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in prompts(count)[:kept])
        return work_file(name)

    def peer(self, work, peer, rows, *more):
        return [self.python, os.path.join(HERE, "peers.py"), work, peer, self.checkpoint, rows,
                self.threads, *more]

    def capture(self):
        def ours(precision):
            return [self.options.bathyscope, "capture", "--model", MODEL, "--prompts", self.rows,
                    "--hooks", HOOKS, "--positions", "all", "--threads", self.threads,
                    "--precision", precision, "--out", fresh(f"{precision}.h5"), "--json"]

        def theirs(peer, dtype):
            return self.peer("capture", peer, self.rows, "--dtype", dtype, "--out",
                             work_file(f"{peer}-{dtype}.h5"))
        return {
            "bathyscope float32": ours("float32"), "bathyscope bfloat16x2": ours("bfloat16x2"),
            "transformers float32": theirs("transformers", "float32"),
            "transformer_lens float32": theirs("transformer_lens", "float32"),
            "bathyscope bfloat16": ours("bfloat16"),
            "transformers bfloat16": theirs("transformers", "bfloat16")}

    def generate(self, rows, batch):
        def ours(precision):
            out = fresh(f"answers-{batch}-{precision}.jsonl")
            return [self.options.bathyscope, "generate", "--model", MODEL, "--prompts", rows,
                    "--max-new-tokens", "64", "--ignore-eos", "--steer", self.steer, "--after",
                    "15", "--scale", "1", "--batch", str(batch), "--threads", self.threads,
                    "--precision", precision, "--out", out, "--json"]

        def theirs(peer, dtype):
            return self.peer("generate", peer, rows, "--dtype", dtype, "--batch", str(batch),
                             "--steer", self.steer)
        return {
            "bathyscope float32": ours("float32"), "bathyscope bfloat16x2": ours("bfloat16x2"),
            "transformers float32": theirs("transformers", "float32"),
            "transformer_lens float32": theirs("transformer_lens", "float32"),
            "bathyscope bfloat16": ours("bfloat16"),
            "transformers bfloat16": theirs("transformers", "bfloat16")}

    def decode(self):
        return self.generate(self.four, 1)

    def batch(self):
        return self.generate(self.sixteen, 16)

    def probes(self):
        values, labels = work_file("probes.f32"), work_file("probes.u8")
        sizes = [str(LAYERS), str(ROWS), str(WIDTH)]
        if not os.path.exists(labels):
            capture = fresh("probes.h5")
            command = self.capture()["bathyscope float32"]
            command[command.index("--out") + 1] = capture
            measured(command)
            measured([self.python, os.path.join(HERE, "probes.py"), "prepare", capture, values,
                      labels, *sizes])
            os.remove(capture)
        build = ["swift", "build", "-c", "release", "--package-path", HERE, "--scratch-path",
                 os.path.join(ROOT, ".build-bench")]
        subprocess.run(build, check=True, stdout=sys.stderr)
        folder = measured([*build, "--show-bin-path"])[0].strip()
        return {
            "bathyscope": [os.path.join(folder, "probe-benchmark"), values, labels, *sizes,
                           self.threads],
            "scikit-learn": [self.python, os.path.join(HERE, "probes.py"), "fit", values, labels,
                             *sizes]}

    def start(self):
        one = self.write_prompts("one.jsonl", 16, 1)
        commands = self.generate(one, 1)
        ours = commands["bathyscope float32"]
        ours[ours.index("--max-new-tokens") + 1] = "1"
        return {"bathyscope": ours, "transformers": self.peer("first", "transformers", one)}


def agreement(bench, work):
    """What the contestants' results have to do with each other: speed at other numbers is worth nothing."""
    def results(name):
        with open(work_file(name), encoding="utf-8") as file:
            return [json.loads(line)["tokens"] for line in file]
    if work == "capture":
        output = measured([
            bench.python, os.path.join(HERE, "agreement.py"), work_file("float32.h5"),
            work_file("transformers-float32.h5")])[0]
        return f"captures differ by {json.loads(output)['largest_relative_difference']:.1e} of " \
               "the largest entry of their layer"
    if work in ("decode", "batch"):
        ours = results(f"answers-{1 if work == 'decode' else 16}-float32.jsonl")
        theirs = bench.outputs[work, "transformers float32"]["generated"]
        same = sum(a == b for one, other in zip(ours, theirs) for a, b in zip(one, other))
        return f"{same} of {sum(map(len, ours))} tokens are those of transformers"
    if work == "probes":
        ours, theirs = (bench.outputs[work, name] for name in ("bathyscope", "scikit-learn"))
        worst = max(a / b - 1 for a, b in zip(ours["losses"], theirs["losses"]))
        return f"the objective reached is at most {worst:.1e} above scikit-learn's, relatively"
    return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--works", default="capture,decode,batch,probes,start")
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--python", help="an interpreter with the peers' packages")
    parser.add_argument(
        "--bathyscope", default=os.path.join(ROOT, ".build", "release", "bathyscope"))
    options = parser.parse_args()
    os.makedirs(WORK, exist_ok=True)
    bench = Bench(options)
    bench.outputs, runs, notes = {}, {}, {}
    for work in options.works.split(","):
        for round_number in range(options.rounds):
            for name, command in getattr(bench, work)().items():
                load = os.getloadavg()[0]
                output, wall, memory = measured(command)
                result = json.loads(output)
                bench.outputs[work, name] = result
                seconds = wall if work == "start" else result["seconds"]
                speed = result.get("tokens_per_second") if work != "start" else None
                runs.setdefault(work, {}).setdefault(name, []).append({
                    "seconds": seconds, "tokens_per_second": speed, "process_seconds": wall,
                    "peak_mb": memory, "load_before": load, "kernel": result.get("kernel"),
                    "versions": result.get("versions")})
                print(f"{work}, round {round_number + 1}, {name}: "
                      + (f"{speed:.1f} tokens/s" if speed else f"{seconds:.2f} s")
                      + f", peak {memory:.0f} MB", file=sys.stderr)
        notes[work] = agreement(bench, work)
    results = {
        "processor": processor(), "system": platform.platform(), "threads": options.threads,
        "commit": subprocess.run(
            ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True,
            text=True).stdout.strip(),
        "arguments": sys.argv[1:], "prompts": options.prompts, "runs": runs, "agreement": notes}
    with open(work_file("results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2)
    show(results, options)


def show(results, options):
    """The table: median, least and greatest of the rounds, and the ratio to the first peer of a precision."""
    print(f"\n{results['processor']}, {results['threads']} threads, {results['system']}, "
          f"{options.rounds} rounds in turns\n")
    print("| work | contestant | tokens/s or s | beside its peer | peak MB |\n|---|---|---|---|---|")
    for work, contestants in results["runs"].items():
        for name, runs in contestants.items():
            is_speed = runs[0]["tokens_per_second"] is not None
            key = "tokens_per_second" if is_speed else "seconds"
            values = [run[key] for run in runs]
            peer = next((other for other in PEERS.get(name, []) if other in contestants), None)
            ratio = ""
            if peer:
                pairs = zip(values, [run[key] for run in contestants[peer]])
                ratio = spread([a / b if is_speed else b / a for a, b in pairs], "{:.2f}") \
                    + f" x {peer}"
            form = "{:.1f}" if is_speed else "{:.2f} s"
            print(f"| {work} | {name} | {spread(values, form)} | {ratio} | "
                  f"{spread([run['peak_mb'] for run in runs])} |")
    print()
    for work, note in results["agreement"].items():
        if note:
            print(f"{work}: {note}")


if __name__ == "__main__":
    main()
