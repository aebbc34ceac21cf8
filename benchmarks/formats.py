"""Every format of --mode=export beside Keras: error, size and time.

    python -m benchmarks.formats [--run=RUN] [--data_dir=DIR] [--images=500]
        [--rounds=9] [--width=1] [--classes=1000] [--json]

With --run the networks are those that an export of the run writes. Their top-1
errors are measured on so many of its validation images, chosen at random, and
on how many of these another class than Keras' is best, and by how much a
probability differs at most. Without it the weights are random, and sizes and
times alone are told. Every program takes 256x256 images to probabilities, of
ten crops or, as LiteRT's files do, of the centre crop, and is compared with
Keras on the same crops. LiteRT's take one image at a time.

Times are medians over the rounds, in which all programs take turns; ratios are
medians of the ratios within a round, to Keras. The ratio of CPU time says more
where other programs share the machine. Needs `pip install --group int8 --group
bench`; what is not installed is named and left out.
"""

import functools
import os
import pathlib
import platform
import statistics
import tempfile
import time

import numpy as np
import tensorflow as tf

from alexnet_tf.analysis.sample_images import chosen_records, examples_of
from alexnet_tf.evaluation.shared_crops import predictor
from alexnet_tf.network import build_network, weighted_layers
from alexnet_tf.options import Options
from alexnet_tf.run.folder import trained_run
from alexnet_tf.run.trained import TrainedNetwork, load_trained
from benchmarks import command_line
from configs import paper
from export.in_parts import IMAGES_AT_ONCE
from export.keras_format import write_keras
from export.onnx_format import write_onnx
from export.tflite_format import FILES, write_tflite
from modes.export import RANGE_IMAGES
from modes.setup import config_for, open_source

SIZES = (1, 16)
THREADS = os.cpu_count() or 1


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--run")
    parser.add_argument("--data_dir")
    parser.add_argument("--images", type=command_line.count, default=500)
    parser.add_argument("--rounds", type=command_line.count, default=9)
    parser.add_argument("--width", type=command_line.positive, default=1.0)
    parser.add_argument("--classes", type=command_line.count, default=1000)
    arguments = parser.parse_args()
    if arguments.run:
        trained, ranges, images, labels = of_run(arguments)
    else:
        trained = random_network(arguments.width, arguments.classes)
        random = np.random.default_rng(0)
        shape = (RANGE_IMAGES + max(SIZES), 256, 256, 3)
        pixels = random.integers(0, 256, shape, np.uint8)
        ranges, images = np.split(pixels, [RANGE_IMAGES])
        labels = None
    with tempfile.TemporaryDirectory() as folder:
        found = programs(trained, pathlib.Path(folder), ranges)
        rows = compared(found, images, labels, arguments.rounds)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow "
        f"{tf.__version__}; {len(images)} images, "
        f"{trained.network.count_params():,} weights"
    )
    report(rows)
    command_line.tell(
        arguments, {"programs": {row.pop("name"): row for row in rows}}
    )


def of_run(arguments):
    """(network, images for ranges, images, labels) of a run."""
    run = trained_run(arguments.run)
    options = Options(run=arguments.run, data_dir=arguments.data_dir)
    config = config_for(options, run)
    source = open_source(config, options, run)
    assert source.validation
    ranges, chosen = (
        examples_of(chosen_records(source, split, count, config.train.seed))
        for split, count in (
            (source.train, RANGE_IMAGES),
            (source.validation, arguments.images),
        )
    )
    return (
        load_trained(run),
        np.stack([each["image"] for each in ranges]),
        np.stack([each["image"] for each in chosen]),
        np.array([each["label"] for each in chosen]),
    )


def random_network(width, classes):
    """A `TrainedNetwork` with random weights."""
    model = paper.get_config().model
    model.width, model.num_classes = width, classes
    network = build_network(model, trainable=False)
    random = np.random.default_rng(0)
    for layer in weighted_layers(network):
        for kernel in layer.kernels:
            std = (2 / np.prod(kernel.shape[:-1])) ** 0.5
            kernel.assign(random.normal(0, std, kernel.shape))
    names = tuple(str(number) for number in range(classes))
    return TrainedNetwork(network, model.crop, names)


def programs(trained, folder, ranges):
    """{name: (crops, bytes, function from images to probabilities)}."""
    spec = tf.TensorSpec([None, 256, 256, 3], tf.uint8)
    weights = 4 * trained.network.count_params()
    found = {}
    for crops in (10, 1):
        own = predictor(trained.network, trained.crop, crops)
        own = tf.function(own, input_signature=[spec])
        found[f"Keras, {crops}"] = (crops, weights, to_numpy(own))
    parts = np.split(ranges, len(ranges) // IMAGES_AT_ONCE)
    for name, images in (("float32", None), ("int8", parts)):
        for runtime, opened in (("ONNX Runtime", ort), ("OpenVINO", openvino)):
            try:
                file = write_onnx(folder, trained, images)
                answers = opened(file)
            except ImportError as error:
                print(f"left out: {runtime}, {error}")
                continue
            label = f"{runtime}, {name}"
            found[label] = (10, file.stat().st_size, answers)
    file = write_keras(folder, trained)
    loaded = tf.keras.models.load_model(file)
    own = tf.function(loaded, input_signature=[spec])
    found[".keras"] = (10, file.stat().st_size, to_numpy(own))
    for quantize in FILES:
        file = write_tflite(folder, trained, quantize)
        name = "float32" if quantize == "none" else quantize
        try:
            answers = litert(file)
        except ImportError as error:
            print(f"left out: LiteRT, {error}")
            break
        found[f"LiteRT, {name}"] = (1, file.stat().st_size, answers)
    return found


def to_numpy(function):
    return lambda images: function(tf.constant(images)).numpy()


def ort(file):
    """Probabilities from ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that wait would count as CPU time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        file, options, providers=["CPUExecutionProvider"]
    )
    return lambda images: session.run(["probabilities"], {"images": images})[0]


def openvino(file):
    """Probabilities from OpenVINO."""
    import openvino  # pyright: ignore[reportMissingImports]

    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    model = openvino.Core().compile_model(file, "CPU", hints)
    output = model.output("probabilities")
    return lambda images: model({"images": images})[output]


def litert(file):
    """Probabilities from LiteRT, image by image."""
    from ai_edge_litert import (  # pyright: ignore[reportMissingImports]
        interpreter,
    )

    answer = interpreter.Interpreter(
        str(file), num_threads=THREADS
    ).get_signature_runner()
    return lambda images: np.concatenate(
        [answer(images=image[None])["probabilities"] for image in images]
    )


def compared(found, images, labels, rounds):
    """[{"name", "crops", "bytes", ...}], a row a program."""
    rows = []
    keras = {}  # its probabilities of so many crops; its rows come first
    for name, (crops, size, answers) in found.items():
        row = {"name": name, "crops": crops, "bytes": size}
        if labels is not None:
            parts = np.array_split(images, -(-len(images) // IMAGES_AT_ONCE))
            found_here = np.concatenate([answers(part) for part in parts])
            guesses = found_here.argmax(axis=1)
            expected = keras.setdefault(crops, found_here)
            row["top1_error"] = float(np.mean(guesses != labels))
            row["other_guesses"] = int(
                np.sum(guesses != expected.argmax(axis=1))
            )
            row["largest_difference"] = float(
                np.abs(found_here - expected).max()
            )
        rows.append(row)
    for count in SIZES:
        batch = images[:count]
        calls = {n: functools.partial(f[2], batch) for n, f in found.items()}
        turns = [
            {name: timed(call) for name, call in calls.items()}
            for _ in range(rounds)
        ]
        for row in rows:
            name, own = row["name"], f"Keras, {row['crops']}"
            row[f"ms_{count}"] = 1e3 * statistics.median(
                turn[name][0] for turn in turns
            )
            for clock, place in (("wall", 0), ("cpu", 1)):
                row[f"{clock}_ratio_{count}"] = statistics.median(
                    turn[name][place] / turn[own][place] for turn in turns
                )
    return rows


def timed(call):
    """(wall, CPU) seconds of a call that has been made just before."""
    call()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def report(rows):
    """Prints a table."""
    print(
        f"{'':23} crops {'error, differences':>28}       MB   one image, "
        "then 16"
    )
    for row in rows:
        error = "-"
        if "top1_error" in row:
            error = (
                f"{row['top1_error']:.2%}, {row['other_guesses']} others, "
                f"{row['largest_difference']:.1e}"
            )
        times = "   ".join(
            f"{row[f'ms_{n}']:7.1f} ms, wall {row[f'wall_ratio_{n}']:.2f}, "
            f"CPU {row[f'cpu_ratio_{n}']:.2f}"
            for n in SIZES
        )
        print(
            f"{row['name']:23} {row['crops']:5} {error:>28} "
            f"{row['bytes'] / 1e6:8.1f}   {times}"
        )


if __name__ == "__main__":
    command_line.run(main)
