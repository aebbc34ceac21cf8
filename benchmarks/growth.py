"""Cost against batch, classes, images and workers, as numbers and as plots.

    python -m benchmarks.growth [--figure=docs/figures/growth.png]
        [--small] [--json]

batch        a training step of the full network, 1 to 512 images
classes      a training step at batch 32, 10 to 21,841 classes
statistics, evaluation, index
             passes over 750 to 6,000 images, network of a quarter's width
workers      training, batches of 128 and of 32: two processes of one core
             each beside one of two cores, images/s of the second epoch

Each point is a process of its own, so peaks are its own. With --json the last
line is one object: {"batch": {size: {"seconds", "peak_bytes"}}, ...},
"linear" (time an image of the largest over that of the second smallest number
of images), "workers" and "workers_ratio" (two processes over one), both by
batch. --small takes sizes
that only show that all of it runs.
"""

import contextlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

from alexnet_tf.files.figures import plt, save_figure
from alexnet_tf.workers.cluster import VARIABLE, Cluster
from alexnet_tf.workers.launch import free_ports
from benchmarks import command_line

ROOT = pathlib.Path(__file__).parents[1]
IMAGE_COUNTS = (750, 1500, 3000, 6000)
SIZES = {
    "batch": (1, 4, 16, 64, 128, 256, 512),
    "classes": (10, 1000, 5000, 21_841),
    "statistics": IMAGE_COUNTS,
    "evaluation": IMAGE_COUNTS,
    "index": IMAGE_COUNTS,
}
SMALL_SIZES = {what: (2,) for what in SIZES}
WIDTH = {"batch": 1, "classes": 1}  # others: a quarter
NARROW, SMALL_WIDTH = 0.25, 1 / 16
CORES = 2
PROCESSES = {"one process": 1, "two processes": CORES}
WORKERS_BATCHES = (128, 32)
TRAINED = 960  # images an epoch, for the workers
SMALL_TRAINED = 64
SPEED = re.compile(r"epoch 2/2: loss .* (\d+) images/s")


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--figure")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    curves = measured_curves(arguments.small)
    result = {**curves, "linear": linearity(curves)}
    result["workers"] = {
        batch: {
            name: images_per_second(processes, batch, arguments.small)
            for name, processes in PROCESSES.items()
        }
        for batch in WORKERS_BATCHES[arguments.small :]
    }
    result["workers_ratio"] = {
        batch: speeds["two processes"] / speeds["one process"]
        for batch, speeds in result["workers"].items()
    }
    print(f"linear: {result['linear']}")
    print(f"images/s: {result['workers']}, ratios {result['workers_ratio']}")
    if arguments.figure:
        draw(curves, result["workers"], arguments.figure)
    command_line.tell(arguments, result)


def measured_curves(small):
    """{what: {size: {"seconds", "peak_bytes"}}}."""
    curves = {}
    for what, sizes in (SMALL_SIZES if small else SIZES).items():
        width = SMALL_WIDTH if small else WIDTH.get(what, NARROW)
        curves[what] = {size: point(what, size, width) for size in sizes}
    return curves


def point(what, size, width):
    """One point, measured in a process of its own."""
    output = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.growth_point"),
            *(what, str(size), str(width)),
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    found = json.loads(output.splitlines()[-1])
    print(
        f"{what:11} {size:6}: {found['seconds']:8.3f} s, peak "
        f"{found['peak_bytes'] / 1e9:.2f} GB",
        flush=True,
    )
    return found


def linearity(curves):
    """{what: time an image of the largest over that of a small size}."""
    found = {}
    for what in ("statistics", "evaluation", "index"):
        sizes = sorted(curves[what])
        small, large = sizes[len(sizes) > 1], sizes[-1]
        seconds = [curves[what][size]["seconds"] / size for size in sizes]
        per_image = dict(zip(sizes, seconds, strict=True))
        found[what] = per_image[large] / per_image[small]
    return found


def images_per_second(processes, batch, small):
    """Speed of training's second epoch, each process on cores of its own."""
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    addresses = [f"127.0.0.1:{port}" for port in free_ports(processes)]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as on:
        started = []
        for rank in range(processes):
            own = cores[rank::processes]
            started.append(training(folder, own, addresses, rank, batch, small))
            on.callback(stop, started[-1])
        for line in started[0].stdout:
            if found := SPEED.search(line):
                return float(found[1])
    raise RuntimeError("training ended without an epoch: run it by hand")


def training(folder, cores, addresses, rank, batch, small):
    """Starts one worker on some cores."""
    environment = dict(os.environ)
    if len(addresses) > 1:
        environment[VARIABLE] = Cluster(tuple(addresses), rank).to_json()
    return subprocess.Popen(
        [
            *(sys.executable, "main.py", "--mode=train"),
            *(f"--run={folder}/run", "--config.train.epochs=2"),
            *(
                "--config.train.lr_drop_epochs=()",
                f"--config.train.batch_size={batch}",
            ),
            f"--config.data.limit={SMALL_TRAINED if small else TRAINED}",
            f"--config.model.width={SMALL_WIDTH if small else 1.0}",
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


def stop(process):
    """Ends a process; nothing of its run is kept."""
    process.kill()
    process.wait()
    process.stdout.close()


def draw(curves, workers, path):
    """Two rows of plots, time above memory, and the workers' speed."""
    groups = {
        "images of a batch": ("batch",),
        "classes": ("classes",),
        "images": ("statistics", "evaluation", "index"),
    }
    figure, axes = plt.subplots(
        2, len(groups) + 1, figsize=(14, 6), layout="constrained"
    )
    for (title, names), (above, below) in zip(
        groups.items(), axes.T[:-1], strict=True
    ):
        for name in names:
            sizes = sorted(curves[name])
            points = [curves[name][size] for size in sizes]
            seconds = [p["seconds"] for p in points]
            above.plot(sizes, seconds, marker="o", label=name)
            below.plot(
                sizes,
                [p["peak_bytes"] / 1e9 for p in points],
                marker="o",
                label=name,
            )
        below.set_xlabel(title)
        for axis in (above, below):
            axis.set_ylim(bottom=0)
            axis.grid(alpha=0.3)
        if len(names) > 1:
            above.legend()
    bars, empty = axes.T[-1]
    empty.remove()
    for number, name in enumerate(PROCESSES):
        places = [place + 0.4 * number for place in range(len(workers))]
        speeds = [workers[batch][name] for batch in workers]
        bars.bar(places, speeds, 0.4, label=name)
    bars.set_xticks(
        [place + 0.2 for place in range(len(workers))],
        [f"batch {batch}" for batch in workers],
    )
    bars.set_ylabel("images/s")
    bars.legend(loc="lower right")
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("peak memory, GB")
    save_figure(figure, pathlib.Path(path))


if __name__ == "__main__":
    command_line.run(main)
