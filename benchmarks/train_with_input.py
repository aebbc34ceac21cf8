"""Training with real input beside training with one batch over and over.

    python -m benchmarks.train_with_input --data_dir=PREPARED
        [--batch_size=128] [--steps=6] [--rounds=5] [--json]

PREPARED is a set that --mode=prepare wrote. The full two-tower network, 1000
classes, float32; both kinds of steps in turns. Medians of the rounds; with
--json the last line is one object with "images_per_second" of both, "ratio"
(real input over one batch; 1: the input costs nothing) and its spread.
"""

import os
import platform
import statistics
import time

import tensorflow as tf

from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.records import Records
from benchmarks import command_line
from benchmarks.train_step_ours import make_trainer
from configs import paper


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--batch_size", type=command_line.count, default=128)
    parser.add_argument("--steps", type=command_line.count, default=6)
    parser.add_argument("--rounds", type=command_line.count, default=5)
    arguments = parser.parse_args()
    config = paper.get_config()
    source = load_prepared(arguments.data_dir)
    records = Records(source, source.train, cache_gb=0)
    stream = TrainingBatches(
        records,
        arguments.batch_size,
        crop=config.model.crop,
        seed=config.train.seed,
        shuffle_buffer=2000,
    ).stream()
    inputs = {
        "one_batch": iter(stream.take(1).cache().repeat()),
        "real_input": iter(stream),
    }
    trainer = make_trainer(config)
    for iterator in inputs.values():
        seconds(trainer, iterator, 1)  # traces
    rounds = [
        {
            name: arguments.steps
            * arguments.batch_size
            / seconds(trainer, iterator, arguments.steps)
            for name, iterator in inputs.items()
        }
        for _ in range(arguments.rounds)
    ]
    ratios = [r["real_input"] / r["one_batch"] for r in rounds]
    result = {
        "batch_size": arguments.batch_size,
        "images_per_second": {
            name: statistics.median(r[name] for r in rounds) for name in inputs
        },
        "ratio": statistics.median(ratios),
        "ratio_spread": [min(ratios), max(ratios)],
    }
    print(
        f"batch {arguments.batch_size}, {os.cpu_count()} cores "
        f"({platform.machine()}), TensorFlow {tf.__version__}"
    )
    for name, speed in result["images_per_second"].items():
        print(f"{name:10} {speed:6.1f} images/s")
    print(
        f"ratio {result['ratio']:.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    )
    command_line.tell(arguments, result)


def seconds(trainer, iterator, steps):
    """Wall time of training steps."""
    start = time.perf_counter()
    for _ in range(steps):
        logs = trainer.train_function(iterator)
    tf.nest.map_structure(lambda value: value.numpy(), logs)
    return time.perf_counter() - start


if __name__ == "__main__":
    command_line.run(main)
