"""One training step beside PyTorch's, the usual Keras program's and the limit.

    python -m benchmarks.train_step [--batch_size=128] [--rounds=5]
        [--precision=float32] [--width=1] [--json]

The full two-tower network, 1000 classes, one fixed batch: ours from 8-bit
images, lighting, decay and errors included; the peers from ready floats.
PyTorch needs `pip install --group bench`; without it its ratio is left out. All
take turns in processes of their own. The limit is what the machine does in
products of square matrices, in the same rounds. Numbers are medians over the
rounds of the ratios within a round; with --json the last line is one object
with "share_of_matrix_product",
"ratio_to_pytorch" (its faster memory format), "ratio_to_keras_groups" (2: twice
its images/s), "images_per_second" (ours), and the spread of each ratio.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import statistics

from alexnet_tf.analysis.layer_table import layer_table
from alexnet_tf.network import build_network
from benchmarks.train_step_ours import SIDE
from benchmarks.turns import Turns
from configs import paper


def main():
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
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
            *(Turns(peer, batch_size=batch, width=width) for peer in peers()),
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
        f"batch {batch}, ours in {arguments.precision}"
    )
    for name in rounds[0]:
        print(f"{name:22} {statistics.median(r[name] for r in rounds):.3f} s")
    print(f"ours: {result['images_per_second']:.1f} images/s")
    for name, (low, high) in result["spread"].items():
        print(f"{name:24} {result[name]:.2f} ({low:.2f} to {high:.2f})")
    if arguments.json:
        print(json.dumps(result))


def peers():
    """Modules of the programs to compare with."""
    if importlib.util.find_spec("torch"):
        yield "benchmarks.train_step_torch"
    else:
        print("left out: PyTorch is not installed")
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
    shares, to_torch, to_keras = [], [], []
    for seconds in rounds:
        rate = 2 * SIDE**3 / seconds["matrix_product"]
        shares.append(operations * batch_size / rate / seconds["ours"])
        if "pytorch" in seconds:
            best = min(seconds["pytorch"], seconds["pytorch_channels_last"])
            to_torch.append(best / seconds["ours"])
        to_keras.append(seconds["keras_groups"] / seconds["ours"])
    ratios = {
        "share_of_matrix_product": shares,
        "ratio_to_keras_groups": to_keras,
        **({"ratio_to_pytorch": to_torch} if to_torch else {}),
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
    main()
