"""Peak memory of training and of serving, beside what must be held.

    python -m benchmarks.memory [--batch_size=128] [--precision=float32]
        [--width=1] [--rounds=5] [--model_dir=EXPORT/VERSION] [--json]

Training: the full network, 1000 classes, one fixed batch, three steps in a
process of its own. Its peak resident memory, less what the process had before
the network was built, over the sum of weights, velocities, gradients, kept
activations and the batch (`--mode=inspect` prints them); the rest is
workspace. Serving, where --model_dir is given: the peak of a process that
loads it and answers one image, over the bytes of its weights. Medians of as
many processes as rounds. With --json the last line is one object with
"training" and "serving": "peak_bytes", "must_be_held", "ratio" and its spread
each.
"""

import dataclasses
import os
import pathlib
import platform
import statistics
import subprocess
import sys

from alexnet_tf.analysis.layer_table import layer_table, training_memory
from alexnet_tf.network import build_network
from benchmarks import command_line
from configs import paper

STATUS = """
def size(name):
    [line] = [x for x in open("/proc/self/status") if x.startswith(name)]
    return int(line.split()[1]) * 1024
"""
TRAINING = """
import sys
import tensorflow as tf
from benchmarks.train_step_ours import programs
tf.constant(0) + 1
before = size("VmRSS")
step = programs(int(sys.argv[1]), sys.argv[2], width=float(sys.argv[3]))["ours"]
for _ in range(3):
    step()
print(size("VmHWM") - before)
"""
SERVING = """
import sys
import numpy as np
import tensorflow as tf
from export.server.models.loaded_model import LoadedModel
tf.constant(0) + 1
before = size("VmRSS")
model = LoadedModel(sys.argv[1], "alexnet", 1, run_timeout=60)
image = open(sys.argv[2], "rb").read()
model.signatures["serving_default"].run(
    {"image_bytes": np.array([image], object)}, 60
)
print(size("VmHWM") - before)
"""
IMAGE = pathlib.Path(__file__).parents[1] / "docs" / "sneaker.png"


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--batch_size", type=command_line.count, default=128)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--width", type=command_line.positive, default=1.0)
    parser.add_argument("--rounds", type=command_line.count, default=5)
    parser.add_argument("--model_dir")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    setting = arguments.batch_size, arguments.precision, arguments.width
    parts = held_in_training(*setting)
    for name, size in parts.items():
        print(f"  {name:11} {size / 1e6:8.0f} MB")
    peaks = [measured(TRAINING, *setting) for _ in range(arguments.rounds)]
    result = {"training": compared("training", peaks, sum(parts.values()))}
    result["training"]["parts"] = parts
    if arguments.model_dir:
        folder = pathlib.Path(arguments.model_dir)
        weights = sum(
            file.stat().st_size for file in (folder / "variables").iterdir()
        )
        peaks = [
            measured(SERVING, folder, IMAGE) for _ in range(arguments.rounds)
        ]
        result["serving"] = compared("serving", peaks, weights)
    command_line.tell(arguments, result)


def held_in_training(batch_size, precision, width):
    """{what: bytes} of one training step."""
    config = paper.get_config()
    config.model.width = width
    network = build_network(config.model, config.train.seed, precision)
    memory = training_memory(layer_table(network), batch_size)
    parts = dataclasses.asdict(memory)
    # What the data set holds, and a step of its own.
    parts["batch"] = 2 * batch_size * config.model.crop**2 * 3
    return {name: size for name, size in parts.items() if size}


def measured(program, *arguments):
    """Bytes that a program in a process of its own prints last."""
    output = subprocess.run(
        [sys.executable, "-c", STATUS + program, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return int(output.splitlines()[-1])


def compared(name, peaks, held):
    """Prints and returns the peaks' median beside what must be held."""
    peak = statistics.median(peaks)
    low, high = min(peaks) / held, max(peaks) / held
    print(
        f"{name}: peak {peak / 1e6:.0f} MB, {held / 1e6:.0f} MB must be held, "
        f"ratio {peak / held:.2f} ({low:.2f} to {high:.2f})"
    )
    return {
        "peak_bytes": peak,
        "must_be_held": held,
        "ratio": peak / held,
        "spread": {"ratio": [low, high]},
    }


if __name__ == "__main__":
    command_line.run(main)
