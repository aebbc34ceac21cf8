"""The exported model beside other runtimes on the same weights and crops.

    python -m benchmarks.serve [--rounds=40] [--width=1] [--classes=1000]
        [--json]

Random weights. Every runtime takes the same 256x256 images to probabilities
averaged over ten crops, one image and sixteen, in a process of its own, in
turns:

ours                 the SavedModel, restored and run as TF Serving does
ours_bfloat16        the same, exported with --precision=bfloat16
onnxruntime          alexnet.onnx as --mode=export writes it
openvino             the same file, float32
openvino_default     the same file, in the precision OpenVINO chooses
pytorch              the exported weights in alexnet_pytorch.py, crops stacked
request              ours, from JPEG bytes to class names

Sixteen images take a quarter of the rounds. Prints p50 and p99 of the latency
and images/s; with --json the last line is one object with them and, as medians
of the ratios within a round, "ratio_to_fastest_float32" (our time over that of
the fastest other runtime in float32: below 1 is faster),
"bfloat16_ratio_to_openvino_default", "full_request_over_network" (one image),
and their spread. Stops where the probabilities of two runtimes differ.

Needs `pip install --group bench`; a runtime that is not installed is named and
left out.
"""

import contextlib
import importlib.util
import os
import pathlib
import platform
import statistics
import tempfile

import numpy as np

from benchmarks import command_line
from benchmarks.turns import Turns

IMAGES = (1, 16)
FLOAT32 = ("onnxruntime", "openvino", "pytorch")
CLOSE = {"float32": 1e-4, "bfloat16": 0.02}  # of probabilities
NEEDS = {
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "openvino_default": "openvino",
    "pytorch": "torch",
}


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--rounds", type=command_line.count, default=40)
    parser.add_argument("--width", type=command_line.positive, default=1.0)
    parser.add_argument("--classes", type=command_line.count, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as on:
        # TensorFlow's threads and memory end with that process.
        made = Turns(
            "benchmarks.serve_exports",
            folder=folder,
            width=arguments.width,
            classes=arguments.classes,
        )
        made.close()
        runtimes = started(folder, on)
        seconds = measured(runtimes, arguments.rounds)
        facts = "; ".join(dict.fromkeys(r.facts for r in runtimes.values()))
        check_same_answers(pathlib.Path(folder))
    result = summary(seconds)
    print(f"{facts}; {platform.machine()}, {os.cpu_count()} cores")
    report(result)
    command_line.tell(arguments, result)


def started(folder, on):
    """{runtime: `Turns`} of those that are installed."""
    runtimes = {}
    for name in ("ours", "ours_bfloat16", *NEEDS):
        library = NEEDS.get(name)
        if library and importlib.util.find_spec(library) is None:
            print(f"left out: {name}, {library} is not installed")
            continue
        runtimes[name] = Turns(
            "benchmarks.serve_runtimes", folder=folder, runtime=name
        )
        on.callback(runtimes[name].close)
    return runtimes


def measured(runtimes, rounds):
    """{program: [seconds]}, programs named such as "ours, 16"."""
    seconds = {}
    for images in IMAGES:
        for _ in range(rounds if images == 1 else -(-rounds // 4)):
            for process in runtimes.values():
                for name in process.names:
                    if name.endswith(f", {images}"):
                        took = process.seconds(name)
                        seconds.setdefault(name, []).append(took)
    return seconds


def check_same_answers(folder):
    """Compares the probabilities that every runtime has left in a file."""
    for images in IMAGES:
        expected = np.load(folder / f"ours, {images}.npy")
        assert np.allclose(expected.sum(axis=1), 1, atol=1e-5)
        for file in sorted(folder.glob(f"*, {images}.npy")):
            reduced = "bfloat16" in file.stem or "default" in file.stem
            most = CLOSE["bfloat16" if reduced else "float32"]
            difference = np.abs(np.load(file) - expected).max()
            assert difference <= most, f"{file.stem}: {difference}"


def summary(seconds):
    """The object of --json.

    Args:
        seconds: {program: [seconds of each round]}.
    """
    result = {"programs": {}, "spread": {}}
    for name, times in seconds.items():
        images = int(name.rpartition(" ")[2])
        result["programs"][name] = {
            "p50_ms": 1e3 * float(np.percentile(times, 50)),
            "p99_ms": 1e3 * float(np.percentile(times, 99)),
            "images_per_second": images / statistics.median(times),
        }
    for images in IMAGES:
        suffix = "" if images == 1 else f"_{images}"
        others = [f"{name}, {images}" for name in FLOAT32]
        others = [name for name in others if name in seconds]
        pairs = {
            "full_request_over_network": (
                f"request, {images}",
                f"ours, {images}",
            ),
            "bfloat16_ratio_to_openvino_default": (
                f"ours_bfloat16, {images}",
                f"openvino_default, {images}",
            ),
        }
        if others:
            fastest = min(others, key=lambda n: statistics.median(seconds[n]))
            pairs["ratio_to_fastest_float32"] = (f"ours, {images}", fastest)
        for name, (one, other) in pairs.items():
            if one in seconds and other in seconds:
                ratios = [
                    a / b
                    for a, b in zip(seconds[one], seconds[other], strict=True)
                ]
                result[name + suffix] = statistics.median(ratios)
                result["spread"][name + suffix] = [min(ratios), max(ratios)]
    return result


def report(result):
    """Prints a summary."""
    for name, numbers in result["programs"].items():
        print(
            f"{name:21} p50 {numbers['p50_ms']:7.1f} ms, p99 "
            f"{numbers['p99_ms']:7.1f} ms, "
            f"{numbers['images_per_second']:6.1f} images/s"
        )
    for name, (low, high) in result["spread"].items():
        print(f"{name:37} {result[name]:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    command_line.run(main)
