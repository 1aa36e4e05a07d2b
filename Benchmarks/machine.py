"""The machine that is measured, and the peers' packages on it."""
import os
import platform
import statistics
import subprocess
import sys


def peer_python(root, here):
    """An interpreter with the peers' packages."""
    folder = os.path.join(root, ".venv-bench")
    python = os.path.join(folder, "bin", "python")
    done = os.path.join(folder, "installed.txt")
    with open(os.path.join(here, "requirements.txt"), encoding="utf-8") as file:
        wanted = file.read()
    if not os.path.exists(done) or open(done, encoding="utf-8").read() != wanted:
        print("installing the peers into .venv-bench", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The plain package brings gigabytes for graphics cards, so the one for processors goes first.
        if subprocess.run(pip + ["torch==2.13.0+cpu"], stderr=subprocess.DEVNULL).returncode != 0:
            subprocess.run(pip + ["torch"], check=True)
        subprocess.run(pip + ["-r", os.path.join(here, "requirements.txt")], check=True)
        with open(done, "w", encoding="utf-8") as file:
            file.write(wanted)
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
