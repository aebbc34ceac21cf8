"""How long a user waits: --help, one prediction, the first training step.

    python -m benchmarks.start --run=RUN [--image=docs/sneaker.png]
        [--rounds=5] [--json]

Each is a fresh process of `main.py`; files may be in the system's cache.
"help" and "predict" end by themselves. "first_step" ends when training on the
embedded images prints its first progress, which it does after its first step;
it is then stopped with SIGKILL. Medians; with --json the last line is one
object of them, in seconds, with their spread.
"""

import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks import command_line

ROOT = pathlib.Path(__file__).parents[1]
MAIN = (sys.executable, str(ROOT / "main.py"))


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--run", required=True)
    parser.add_argument("--image", default=str(ROOT / "docs" / "sneaker.png"))
    parser.add_argument("--rounds", type=command_line.count, default=5)
    arguments = parser.parse_args()
    predict = ("--mode=predict", f"--run={arguments.run}")
    waits = {
        "help": lambda: until_end("--help"),
        "predict": lambda: until_end(*predict, f"--image={arguments.image}"),
        "first_step": until_first_step,
    }
    rounds = [
        {name: wait() for name, wait in waits.items()}
        for _ in range(arguments.rounds)
    ]
    result = {"spread": {}}
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    for name in waits:
        times = [each[name] for each in rounds]
        result[name] = statistics.median(times)
        result["spread"][name] = [min(times), max(times)]
        print(
            f"{name:11} {result[name]:6.2f} s "
            f"({min(times):.2f} to {max(times):.2f})"
        )
    command_line.tell(arguments, result)


def until_end(*flags):
    """Wall time of a command that has to succeed."""
    start = time.perf_counter()
    subprocess.run([*MAIN, *flags], check=True, capture_output=True)
    return time.perf_counter() - start


def until_first_step():
    """Wall time until training prints its first progress."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(
            [*MAIN, "--mode=train", f"--run={folder}/run"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            for line in process.stdout or ():
                if line.startswith("epoch 1/"):
                    return time.perf_counter() - start
        finally:
            process.kill()
            process.communicate()
    raise RuntimeError("training ended before its first step")


if __name__ == "__main__":
    command_line.run(main)
