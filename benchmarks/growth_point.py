"""One point of a growth curve, in a process of its own.

    python -m benchmarks.growth_point WHAT SIZE WIDTH

Prints {"seconds", "peak_bytes"} as its last line; peak is the process's
resident memory, TensorFlow itself included.
"""

import json
import pathlib
import sys
import tempfile
import time
import types
from typing import Any

from alexnet_tf.data import statistics
from alexnet_tf.data.image_set import select
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.evaluation.evaluate import evaluate
from alexnet_tf.network import build_network
from alexnet_tf.retrieval.fc7 import Fc7
from alexnet_tf.retrieval.image_index import write_index
from benchmarks.train_step_ours import programs
from configs import paper

STEPS = 3
CLASSES_BATCH = 32
CENTRE = 1  # crop an image


def main():
    what, size, width = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    seconds = POINTS[what](size, width)
    [peak] = [
        line
        for line in pathlib.Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    peak_bytes = int(peak.split()[1]) * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes}))


def batch(size, width):
    """A training step of `size` images."""
    return training_step(batch_size=size, width=width)


def classes(size, width):
    """A training step with `size` classes."""
    return training_step(batch_size=CLASSES_BATCH, width=width, classes=size)


def training_step(**arguments):
    """Seconds of the fastest of a few steps."""
    step = programs(**arguments)["ours"]
    step()  # traces
    return min(step() for _ in range(STEPS))


def statistics_pass(size, width):
    """The pass for mean image and colours over `size` images."""
    source, records = some_images(size)
    assert source.validation
    few = select(source.validation, 0, 0, 1)
    none = Records(source, few, cache_gb=0)
    return timed(lambda: statistics.measure("", records, none))


def evaluation(size, width):
    """Centre-crop evaluation of `size` images."""
    _, records = some_images(size)
    config = network_config(width)
    network = build_network(config)
    return timed(lambda: evaluate(network, records, config.crop, CENTRE))


def index(size, width):
    """An exact index of `size` images, from pixels to files."""
    source, records = some_images(size)
    config = network_config(width)
    fc7 = Fc7(build_network(config), config.crop)
    with tempfile.TemporaryDirectory() as folder:
        run: Any = types.SimpleNamespace(path=folder, weights_sha256=str)
        path = pathlib.Path(folder, "index")
        return timed(
            lambda: write_index(
                path, run, fc7, source, records, "flat", "float32"
            )
        )


def some_images(size):
    """(source, `Records`) of the first `size` images that ship."""
    source = load_embedded()
    split = select(source.train, 0, 0, size)
    return source, Records(source, split, cache_gb=0)


def network_config(width):
    """The paper's network, that many times as wide."""
    config = paper.get_config().model
    config.width = width
    return config


def timed(work):
    """Seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


POINTS = {
    "batch": batch,
    "classes": classes,
    "statistics": statistics_pass,
    "evaluation": evaluation,
    "index": index,
}


if __name__ == "__main__":
    main()
