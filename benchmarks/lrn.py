"""Time of our local response normalization beside TensorFlow's own.

    python -m benchmarks.lrn [--repeats=9] [--json]

Ours as operations, ours compiled by XLA, as a training step on a CPU has it,
and TensorFlow's normalize the float32 maps of one tower at the paper's batch
of 128, in turns, on TensorFlow's default device. Times are medians. With --json
the last line is one JSON object; "forward_ratio" and "backward_ratio" (forward
and backward pass together) are ours over TensorFlow's, both layers added up;
"compiled_forward_ratio" and "compiled_backward_ratio" those of ours compiled.
"""

import functools
import statistics
import time

import tensorflow as tf

from alexnet_tf.layers.normalization import local_response_normalization
from benchmarks import command_line

SHAPES = {"lrn1": (128, 55, 55, 48), "lrn2": (128, 27, 27, 128)}


def theirs(maps):
    """TensorFlow's kernel with the paper's constants."""
    return tf.nn.local_response_normalization(
        maps, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75
    )


def with_gradient(function):
    """Forward and backward pass of `function`."""

    def both(maps, upstream):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            output = function(maps)
        return tape.gradient(output, maps, upstream)

    return both


def seconds(function, *tensors):
    """Wall time of one call, its device's queue included."""
    tf.test.experimental.sync_devices()
    start = time.perf_counter()
    function(*tensors)
    tf.test.experimental.sync_devices()
    return time.perf_counter() - start


def compare(functions, tensors, repeats):
    """Median times of functions that take turns."""
    functions = [tf.function(function) for function in functions]
    for function in functions:
        seconds(function, *tensors)  # traces
    times = [
        [seconds(function, *tensors) for function in functions]
        for _ in range(repeats)
    ]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def main():
    """Prints a table; with --json also an object."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--repeats", type=command_line.count, default=9, help="5 or more"
    )
    arguments = parser.parse_args()
    if arguments.repeats < 5:
        parser.error("a median needs --repeats=5 or more")

    functions = {
        "ours": local_response_normalization,
        "compiled": functools.partial(
            local_response_normalization, compiled=True
        ),
        "tf.nn": theirs,
    }
    print(" " * 23 + "".join(f"{name:>12}" for name in functions))
    totals = {"forward": [0.0] * 3, "backward": [0.0] * 3}
    for layer, shape in SHAPES.items():
        # As after a ReLU.
        maps = tf.nn.relu(tf.random.stateless_normal(shape, (0, 0)) * 30)
        upstream = tf.random.stateless_normal(shape, (0, 1))
        for name, label, wrap, tensors in (
            ("forward", "forward", lambda f: f, [maps]),
            ("backward", "forward+backward", with_gradient, [maps, upstream]),
        ):
            times = compare(
                [wrap(function) for function in functions.values()],
                tensors,
                arguments.repeats,
            )
            totals[name] = [
                a + b for a, b in zip(totals[name], times, strict=True)
            ]
            print(
                f"{layer} {label:18}"
                + "".join(f"{1000 * t:9.1f} ms" for t in times)
            )
    ratios = {}
    for name, (ours, compiled, other) in totals.items():
        ratios[f"{name}_ratio"] = ours / other
        ratios[f"compiled_{name}_ratio"] = compiled / other
    for name, ratio in ratios.items():
        print(f"{name} {ratio:.2f}")
    command_line.tell(arguments, ratios)


if __name__ == "__main__":
    command_line.run(main)
