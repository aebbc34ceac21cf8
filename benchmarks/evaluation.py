"""Ten-crop evaluation beside ten times a forward pass.

    python -m benchmarks.evaluation [--images=320] [--rounds=5] [--width=1]
        [--prepared_dir=PREPARED] [--json]

Per round: the loop of `--mode=evaluate` over the first images of a validation
split, from reading and decoding to averaged probabilities, and the network
alone on one fixed batch of as many crops, as often. The images are those that
ship with the program, scaled up on every use, or a prepared set's. Random
weights, 1000 classes; each program is traced before the clock runs. Medians
over the rounds; with --json the last line is one object with
"share_of_forward" (forward time over evaluation time; 1: the rest is free),
its spread, and "images_per_second" of the evaluation.
"""

import dataclasses
import os
import platform
import statistics
import time
from typing import Any

import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.open_source import open_whole_source
from alexnet_tf.evaluation.evaluate import IMAGES_PER_BATCH, predict_all
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.network import build_network
from benchmarks import command_line
from configs import paper

CROPS = 10
BATCH = IMAGES_PER_BATCH[CROPS]


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--images", type=command_line.count, default=20 * BATCH)
    parser.add_argument("--rounds", type=command_line.count, default=5)
    parser.add_argument("--width", type=command_line.positive, default=1.0)
    parser.add_argument("--prepared_dir")
    arguments = parser.parse_args()
    if not arguments.images or arguments.images % BATCH:
        parser.error(f"--images is a multiple of {BATCH}")
    config = paper.get_config().model
    config.width = arguments.width
    programs = {
        "evaluation": evaluation(config, arguments),
        "forward": forward(config, arguments.images),
    }
    for program in programs.values():
        program()  # traces, and warms up
    rounds = [
        {name: program() for name, program in programs.items()}
        for _ in range(arguments.rounds)
    ]
    result = summary(rounds, arguments.images)
    low, high = result["spread"]["share_of_forward"]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow "
        f"{tf.__version__}; {arguments.images} images, ten crops, width "
        f"{arguments.width:g}"
    )
    print(
        f"{result['images_per_second']:.1f} images/s; share_of_forward "
        f"{result['share_of_forward']:.3f} ({low:.3f} to {high:.3f})"
    )
    command_line.tell(arguments, result)


@dataclasses.dataclass(frozen=True)
class FirstRecords:
    """The first `left` of `Records`."""

    records: Records
    left: int

    def dataset(self):
        return self.records.dataset().take(self.left)


def evaluation(config, arguments):
    """Function that evaluates the images and returns its seconds."""
    network = build_network(config)
    if arguments.prepared_dir:
        source = open_whole_source("prepared", arguments.prepared_dir)
    else:
        source = open_whole_source("embedded")
    assert source.validation
    every = Records(source, source.validation, cache_gb=0)
    if every.size < arguments.images:
        raise SystemExit(f"the split has {every.size} images: --images=N")
    records: Any = FirstRecords(every, arguments.images)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, RECORD_SIZE, RECORD_SIZE, 3], tf.uint8)
        ]
    )
    def predict(images):
        return ten_crop_probabilities(network, images, config.crop)

    def seconds():
        start = time.perf_counter()
        found = predict_all(predict, records, CROPS, "evaluation")
        elapsed = time.perf_counter() - start
        assert found.probabilities.shape == (
            arguments.images,
            config.num_classes,
        )
        return elapsed

    return seconds


def forward(config, images):
    """Function that does the network's part alone and returns its seconds."""
    network = build_network(config)
    crops = tf.cast(
        tf.random.stateless_uniform(
            (BATCH * CROPS, config.crop, config.crop, 3),
            (0, 0),
            0,
            256,
            "int32",
        ),
        tf.uint8,
    )

    @tf.function
    def logits():
        return network(crops, training=False)

    def seconds():
        start = time.perf_counter()
        for _ in range(images // BATCH):
            logits().numpy()
        return time.perf_counter() - start

    return seconds


def summary(rounds, images):
    """The object of --json."""
    shares = [r["forward"] / r["evaluation"] for r in rounds]
    evaluation_time = statistics.median(r["evaluation"] for r in rounds)
    return {
        "share_of_forward": statistics.median(shares),
        "spread": {"share_of_forward": [min(shares), max(shares)]},
        "images_per_second": images / evaluation_time,
    }


if __name__ == "__main__":
    command_line.run(main)
