"""What freezing layers saves: a training step with and without some frozen.

    python -m benchmarks.frozen [--frozen=conv1,conv2,conv3,conv4,conv5]
        [--batch_size=32] [--rounds=9] [--width=1] [--json]

The paper's network, in turns, on TensorFlow's default device. Times are
medians. With --json the last line is one JSON object; "ratio" is the frozen
step's time over that of the full one, the median over the rounds, and
"ratio_spread" its least and largest.
"""

import statistics

import tensorflow as tf

from benchmarks import command_line
from benchmarks.lrn import seconds
from benchmarks.train_step_ours import make_trainer, one_batch
from configs import paper


def step_of(frozen, batch_size, width):
    """A function without arguments that does a step on one batch."""
    config = paper.get_config()
    config.model.width = width
    trainer = make_trainer(config, frozen=frozen)
    iterator = one_batch(config, batch_size)

    def step():
        logs = trainer.train_function(iterator)
        tf.nest.map_structure(lambda value: value.numpy(), logs)

    return step


def main():
    """Prints the two times and their ratio; with --json also an object."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--frozen", default="conv1,conv2,conv3,conv4,conv5", help="layers"
    )
    parser.add_argument("--batch_size", type=command_line.count, default=32)
    parser.add_argument("--rounds", type=command_line.count, default=9)
    parser.add_argument("--width", type=command_line.positive, default=1.0)
    arguments = parser.parse_args()
    frozen = tuple(arguments.frozen.split(","))
    if unknown := set(frozen) - set(paper.LAYERS):
        parser.error(f"no layers: {', '.join(sorted(unknown))}")
    full, part = (
        step_of(names, arguments.batch_size, arguments.width)
        for names in ((), frozen)
    )
    for step in (full, part):
        step()  # traces
    times = [(seconds(full), seconds(part)) for _ in range(arguments.rounds)]
    ratios = [b / a for a, b in times]
    found = {
        "full_ms": 1000 * statistics.median(a for a, _ in times),
        "frozen_ms": 1000 * statistics.median(b for _, b in times),
        "ratio": statistics.median(ratios),
        "ratio_spread": [min(ratios), max(ratios)],
    }
    print(
        f"full step {found['full_ms']:.0f} ms, with {arguments.frozen} frozen "
        f"{found['frozen_ms']:.0f} ms: ratio {found['ratio']:.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f})"
    )
    command_line.tell(arguments, found)


if __name__ == "__main__":
    command_line.run(main)
