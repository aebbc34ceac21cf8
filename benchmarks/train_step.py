"""One training step beside the fastest peers that can be set up, and the limit.

    python -m benchmarks.train_step [--batch_size=128] [--rounds=5]
        [--precision=float32] [--width=1] [--json]

The full two-tower network, 1000 classes, one fixed batch: ours from 8-bit
images, lighting, decay and errors included; the peers from ready floats.
PyTorch, as usually written and as an expert writes it, needs
`pip install --group bench` and a C++ compiler, Keras on JAX `pip install jax`;
what is not installed is left out in a line. All take turns in processes of
their own, in the same precision. The limit is what the machine does in
products of square matrices of that precision, in the same rounds. Numbers are
medians over the rounds of the ratios within a round; with --json the last line
is one object with "share_of_matrix_product", "ratio_to_fastest" (2: twice the
images/s of the peer that is the fastest in that round), "ratio_to_NAME" of each
peer, "images_per_second" (ours), and the spread of each ratio.
"""

import contextlib
import importlib.util
import os
import platform
import statistics

from alexnet_tf.analysis.layer_table import layer_table
from alexnet_tf.network import build_network
from benchmarks import command_line
from benchmarks.train_step_ours import SIDE
from benchmarks.turns import Turns
from configs import paper


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--batch_size", type=command_line.count, default=128)
    parser.add_argument("--rounds", type=command_line.count, default=5)
    parser.add_argument(
        "--precision", default="float32", choices=("float32", "bfloat16")
    )
    parser.add_argument("--width", type=command_line.positive, default=1.0)
    arguments = parser.parse_args()
    batch, width = arguments.batch_size, arguments.width
    with contextlib.ExitStack() as stack:
        processes = [
            Turns(
                "benchmarks.train_step_ours",
                batch_size=batch,
                width=width,
                precision=arguments.precision,
            ),
            *(
                Turns(
                    peer,
                    batch_size=batch,
                    width=width,
                    precision=arguments.precision,
                )
                for peer in peers()
            ),
        ]
        for process in processes:
            stack.callback(process.close)
        rounds = [
            {
                name: process.seconds(name)
                for process in processes
                for name in process.names
            }
            for _ in range(arguments.rounds)
        ]
        facts = "; ".join(process.facts for process in processes)
    result = compare(rounds, batch, training_operations(width))
    print(
        f"{facts}; {platform.machine()}, {os.cpu_count()} cores; "
        f"batch {batch}, all in {arguments.precision}"
    )
    for name in rounds[0]:
        print(f"{name:22} {statistics.median(r[name] for r in rounds):.3f} s")
    print(f"ours: {result['images_per_second']:.1f} images/s")
    for name, (low, high) in result["spread"].items():
        print(f"{name:24} {result[name]:.2f} ({low:.2f} to {high:.2f})")
    command_line.tell(arguments, result)


def peers():
    """Modules of the programs to compare with."""
    for name, library in (("torch", "PyTorch"), ("jax", "JAX")):
        if importlib.util.find_spec(name):
            yield f"benchmarks.train_step_{name}"
        else:
            print(f"left out: {library} is not installed")
    yield "benchmarks.train_step_keras"


def compare(rounds, batch_size, operations):
    """The ratios of one step to the others.

    Args:
        rounds: {program: seconds} of each round.
        batch_size: images of a step.
        operations: floating-point operations of training on one image.

    Returns:
        The object of --json.
    """
    others = rounds[0].keys() - {"ours", "matrix_product"}
    ratios = {
        "share_of_matrix_product": [
            operations
            * batch_size
            / (2 * SIDE**3 / seconds["matrix_product"])
            / seconds["ours"]
            for seconds in rounds
        ],
        "ratio_to_fastest": [
            min(seconds[name] for name in others) / seconds["ours"]
            for seconds in rounds
        ],
        **{
            f"ratio_to_{name}": [
                seconds[name] / seconds["ours"] for seconds in rounds
            ]
            for name in sorted(others)
        },
    }
    step = statistics.median(seconds["ours"] for seconds in rounds)
    return {
        **{name: statistics.median(each) for name, each in ratios.items()},
        "images_per_second": batch_size / step,
        "batch_size": batch_size,
        "operations_per_image": operations,
        "spread": {name: [min(r), max(r)] for name, r in ratios.items()},
    }


def training_operations(width):
    """Operations per image: each layer forward and two gradients.

    The gradient for the image, conv1's input, is never needed. A
    multiply-add is two operations.
    """
    config = paper.get_config().model
    config.width = width
    rows = layer_table(build_network(config))
    conv1 = sum(row.macs for row in rows if row.layer == "conv1")
    return 2 * (3 * sum(row.macs for row in rows) - conv1)


if __name__ == "__main__":
    command_line.run(main)
