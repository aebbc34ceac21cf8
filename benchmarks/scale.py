"""What to expect of training past this machine: a calculation, no measurement.

    python -m benchmarks.scale [--json]

Prints the tables of docs/scale.md. Operations, parameters and activations are
read off the built network, the bytes that cross between the towers off the
graph of a training step that ran on logical CPUs. Everything else is an
assumption: a constant below, with its source.

A step takes the longer of two times: reading its images, which runs beside
it, and the sum of all the rest, which the program does one after the other.
With --json the last line is one object with a list of rows.
"""

import dataclasses
import functools

import tensorflow as tf

from alexnet_tf.analysis.layer_table import layer_table
from alexnet_tf.layers.towers import placement
from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.placement import placement_of_small_step
from alexnet_tf.training.trainer import Trainer
from benchmarks import command_line
from configs import paper

# NVIDIA H100 Tensor Core GPU, data sheet, SXM: dense rates, half of those
# given "with sparsity". float32 products are TF32, TensorFlow's default.
PEAK = {"float32": 494.7e12, "bfloat16": 989.4e12}  # operations/s
GPU_MEMORY_RATE = 3.35e12  # bytes/s
NVLINK_RATE = 450e9  # bytes/s in one direction, of 900e9 in both
# PCI Express 5.0, 16 lanes, one direction, the same data sheet.
PCIE_RATE = 64e9
# Assumed: what thin and small products reach of the peak. conv1 has 48 kernels
# a tower, and no layer is large by the standards of this GPU.
SHARE_OF_PEAK = 0.3
# Assumed: what transfers reach of a line's rate.
SHARE_OF_LINE = 0.8
# Assumed: time from one small operation to the next on a GPU, and that each
# operation of a step is one: of 375 and 242 on two devices (`--mode=inspect`)
# the larger number counts, and one device has them all.
LAUNCH_SECONDS = 5e-6
LAUNCHES = {1: 617, 2: 375}
# An activation is written and read forward, read once more backward, and its
# gradient is written and read.
PASSES_OF_ACTIVATIONS = 5
# For the decay, weight and velocity are read and the velocity is written; then
# weight, velocity and gradient are read and the first two written.
PASSES_OF_WEIGHTS = 8
FLOAT_BYTES = 4

# CPU time of the training pipeline an image: docs/data.md. The cores are those
# of a DGX H100, 112 for 8 GPUs.
INPUT_SECONDS = {"JPEG": 350e-6, "raw": 138e-6}
CORES_PER_GPU = 14
# Assumed: cores that feed the GPUs of TensorFlow's own threads.
CORES_KEPT = 1

CROP_BYTES = 224 * 224 * 3

# Images of an epoch: the training sets' official counts.
IMAGES = {"ImageNet-1k": 1_281_167, "ImageNet-21k": 14_197_122}
CLASSES = {"ImageNet-1k": 1000, "ImageNet-21k": 21_841}
EPOCHS = 90  # the paper's


@dataclasses.dataclass(frozen=True)
class Work:
    """What training one network takes.

    Attributes:
        operations: per image, forward and backward.
        parameters: trainable numbers.
        activation_bytes: per image, kept for the backward pass.
        crossing_bytes: per image, in the busier direction between the devices
            of the towers. The images themselves come from the host.
    """

    operations: float
    parameters: int
    activation_bytes: int
    crossing_bytes: float


@dataclasses.dataclass(frozen=True)
class Machines:
    """Where it is trained.

    Attributes:
        name: in words.
        workers: processes that share each batch.
        gpus: of a worker: 2 for a tower each.
        line: bytes/s of one direction between workers.
    """

    name: str
    workers: int = 1
    gpus: int = 1
    line: float = NVLINK_RATE


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Seconds of a step.

    Attributes:
        batch_size: images of the step, of all workers.
        reading: of the worker's images.
        parts: {what: seconds} of what is done one after the other.
    """

    batch_size: int
    reading: float
    parts: dict[str, float]

    @property
    def seconds(self):
        """Of the whole step."""
        return max(self.reading, sum(self.parts.values()))

    @property
    def images_per_second(self):
        """Of all workers together."""
        return self.batch_size / self.seconds

    @property
    def longest(self):
        """What takes longest, and its share of the step."""
        if self.reading == self.seconds:
            return "reading", 1.0
        name = max(self.parts, key=lambda part: self.parts[part])
        return name, self.parts[name] / self.seconds


ONE = Machines("one H100")
PAIR = Machines("two H100, a tower each", gpus=2)
TWO = Machines("two H100, two workers", workers=2)
EIGHT = tuple(
    Machines(
        f"eight machines of two H100, {rate} Gbit/s",
        workers=8,
        gpus=2,
        line=rate * 1e9 / 8,
    )
    for rate in (100, 400)
)
ALL = (ONE, PAIR, TWO, *EIGHT)


def main():
    parser = command_line.parser(__doc__)
    arguments = parser.parse_args()
    tf.config.set_visible_devices([], "GPU")
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 3,
    )
    rows = [row for data in IMAGES for row in rows_of(data)]
    for data in IMAGES:
        print(f"{data}:\n")
        print(table([row for row in rows if row["data"] == data]))
    command_line.tell(arguments, rows)


def rows_of(data):
    """One object for each table row of a data set."""
    work = work_of(CLASSES[data])
    settings = [
        *((machines, 128, "float32", "JPEG") for machines in ALL),
        *((machines, 1024, "bfloat16", "JPEG") for machines in ALL),
        *((machines, 1024, "bfloat16", "raw") for machines in (ONE, TWO)),
    ]
    return [
        row_of(data, work, machines, batch, precision, form)
        for machines, batch, precision, form in settings
    ]


def row_of(data, work, machines, batch, precision, form):
    """The object of one table row; `batch` is a worker's."""
    found = estimate(work, machines, batch, precision, form)
    longest, share = found.longest
    return {
        "data": data,
        "machines": machines.name,
        "batch_size": found.batch_size,
        "precision": precision,
        "records": form,
        "images_per_second": found.images_per_second,
        "longest": longest,
        "share_of_longest": share,
        "share_of_reading": found.reading / found.seconds,
        "hours": EPOCHS * IMAGES[data] / found.images_per_second / 3600,
    }


def estimate(work, machines, batch, precision, form):
    """An `Estimate`.

    Args:
        work: a `Work`.
        machines: a `Machines`.
        batch: images of a step of one worker.
        precision: float32 or bfloat16; what crosses between towers and
            workers and what the update reads is float32 in both.
        form: JPEG or raw records.
    """
    gpus = machines.gpus
    item = 2 if precision == "bfloat16" else FLOAT_BYTES
    weight_bytes = FLOAT_BYTES * work.parameters
    cores = CORES_PER_GPU * gpus - CORES_KEPT
    # Each device takes part in a ring of its own with its own weights.
    share_sent = 2 * (machines.workers - 1) / machines.workers
    parts = {
        "arithmetic": batch
        * work.operations
        / (PEAK[precision] * SHARE_OF_PEAK * gpus),
        "activations": batch
        * work.activation_bytes
        * (item / FLOAT_BYTES)
        * PASSES_OF_ACTIVATIONS
        / (GPU_MEMORY_RATE * gpus),
        "launches": LAUNCHES[gpus] * LAUNCH_SECONDS,
        "update": weight_bytes * PASSES_OF_WEIGHTS / (GPU_MEMORY_RATE * gpus),
        "images to the GPU": batch * CROP_BYTES / (PCIE_RATE * SHARE_OF_LINE),
        "towers' exchange": (gpus > 1)
        * batch
        * work.crossing_bytes
        / (NVLINK_RATE * SHARE_OF_LINE),
        "gradients' average": weight_bytes
        * share_sent
        / (machines.line * SHARE_OF_LINE),
    }
    return Estimate(
        batch * machines.workers, batch * INPUT_SECONDS[form] / cores, parts
    )


@functools.cache
def work_of(classes):
    """The `Work` of the paper's network with so many classes."""
    config = paper.get_config()
    config.model.num_classes = classes
    # The first stands for the host.
    towers = ("CPU:1", "CPU:2")
    with placement(f"/{tower}" for tower in towers):
        network = build_network(config.model)
    rows = layer_table(network)
    macs = sum(row.macs for row in rows)
    # conv1 needs no gradient for the images.
    macs_of_images = sum(row.macs for row in rows if row.layer == "conv1")
    step = placement_of_small_step(Trainer(network, PaperSGD()), 1000)
    return Work(
        operations=2 * (3 * macs - macs_of_images),
        parameters=sum(row.parameters for row in rows),
        # Both towers hold the images, which one device would hold once.
        activation_bytes=sum(
            row.kept_bytes
            for row in rows
            if row.layer not in ("mean", "lighting") or not row.tower
        ),
        crossing_bytes=max(
            traffic.bytes
            for way, traffic in step.traffic.items()
            if set(way) == set(towers)
        )
        / 1000,
    )


def table(rows):
    """Markdown."""
    lines = [
        "| GPUs | batch | precision, records | images/s | longest part | "
        f"reading | {EPOCHS} epochs |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['machines']} | {row['batch_size']:,} | "
            f"{row['precision']}, {row['records']} | "
            f"{row['images_per_second']:,.0f} | {row['longest']}, "
            f"{row['share_of_longest']:.0%} | {row['share_of_reading']:.0%} | "
            f"{_duration(row['hours'])} |"
        )
    return "\n".join(lines) + "\n"


def _duration(hours):
    return f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h"


if __name__ == "__main__":
    command_line.run(main)
