"""Time and CPU time of reading a prepared set, beside bare decoding and PIL.

    python -m benchmarks.input_pipeline --data_dir=PREPARED [--raw_dir=RAW]
        [--rounds=5] [--workers=2] [--json]

PREPARED is a set that --mode=prepare wrote, RAW one with
--record_format=raw. On all training images, in turns:

decode           decode_jpeg of images in memory
decode_and_crop  decode_and_crop_jpeg of images in memory, 224x224
reader           shards read, parsed and shuffled, nothing decoded
pipeline         what training takes: random crops and mirrors, in batches
pil              the usual loader: PIL decodes, crops and mirrors, float32
                 minus mean over deviation, channels first, in worker
                 processes (PyTorch's DataLoader where PyTorch is installed)
raw              as pipeline, from RAW

Medians over the rounds of microseconds an image: wall time, and CPU time of
all processes. With --json the last line is one object with them and
"pipeline_over_decode_cpu" (pipeline over decode_and_crop), "ratio_to_pil"
(images/s of pipeline over pil) and the spread of both over the rounds.
"""

import functools
import io
import os
import platform
import resource
import statistics
import time
from typing import Any, cast

import numpy as np
import tensorflow as tf
from PIL import Image

from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.records import Records
from benchmarks import command_line

CROP = 224
BATCH = 128
BUFFER = 2000
MEAN = np.array([123.68, 116.779, 103.939], np.float32)
DEVIATION = np.array([58.393, 57.12, 57.375], np.float32)


def main():
    arguments = parse_arguments()
    source = load_prepared(arguments.data_dir)
    # A whole epoch: in less, filling the shuffle buffer would count double.
    count = source.train.size // BATCH * BATCH
    jpegs = [
        example["image"].numpy()
        for example in source.train.examples.take(count)
    ]
    # Made before the clock runs: a training run makes them once.
    datasets = {
        "decode": decoded(jpegs, whole=True),
        "decode_and_crop": decoded(jpegs, whole=False),
        "reader": shuffled(source).take(count),
        "pipeline": batches(source, count),
    }
    if arguments.raw_dir:
        datasets["raw"] = batches(load_prepared(arguments.raw_dir), count)
    measurements = {
        name: functools.partial(consume, dataset)
        for name, dataset in datasets.items()
    }
    measurements["pil"] = functools.partial(
        consume_pil, jpegs, arguments.workers
    )
    rounds = [
        {name: timed(run, count) for name, run in measurements.items()}
        for _ in range(arguments.rounds + 1)
    ][1:]  # the first warms up
    result = summary(rounds)
    report(result, count, arguments)
    command_line.tell(arguments, result)


def parse_arguments():
    parser = command_line.parser(__doc__)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--raw_dir")
    parser.add_argument("--rounds", type=command_line.count, default=5)
    parser.add_argument(
        "--workers", type=command_line.count, default=os.cpu_count()
    )
    return parser.parse_args()


def decoded(jpegs, whole):
    window = [16, 16, CROP, CROP]

    def decode(jpeg):
        if whole:
            return tf.io.decode_jpeg(jpeg, channels=3)
        return tf.io.decode_and_crop_jpeg(jpeg, window, channels=3)

    return tf.data.Dataset.from_tensor_slices(jpegs).map(
        decode, num_parallel_calls=tf.data.AUTOTUNE
    )


def shuffled(source):
    records = Records(source, source.train, cache_gb=0)
    return records.shuffled(tf.constant(1, tf.int64), BUFFER)


def batches(source, count):
    records = Records(source, source.train, cache_gb=0)
    stream = TrainingBatches(
        records, BATCH, crop=CROP, seed=0, shuffle_buffer=BUFFER
    ).stream()
    return stream.take(count // BATCH)


def consume(dataset):
    for _ in dataset:
        pass


class PilImages:
    """Images as PyTorch's data sets have them, by number."""

    def __init__(self, jpegs):
        self._jpegs = jpegs

    def __len__(self):
        return len(self._jpegs)

    def __getitem__(self, number):
        random = np.random.default_rng(number)
        top, left = random.integers(0, 256 - CROP + 1, 2)
        image = Image.open(io.BytesIO(self._jpegs[number])).convert("RGB")
        image = image.crop((left, top, left + CROP, top + CROP))
        if random.integers(2):
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = (np.asarray(image, np.float32) - MEAN) / DEVIATION
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def consume_pil(jpegs, workers):
    images = PilImages(jpegs)
    try:
        from torch.utils.data import DataLoader
    except ImportError:
        consume_pil_without_torch(images, workers)
        return
    loader = DataLoader(
        cast(Any, images),  # it has all that a Dataset has
        BATCH,
        num_workers=workers,
        multiprocessing_context="fork",
    )
    for _ in loader:
        pass


def consume_pil_without_torch(images, workers):
    """Each worker makes whole batches in shared memory, as DataLoader does."""
    shape = (len(images), 3, CROP, CROP)
    memory = np.memmap("/dev/shm/pil-batches", np.float32, "w+", shape=shape)
    os.unlink("/dev/shm/pil-batches")
    children = []
    for worker in range(workers):
        child = os.fork()
        if not child:
            for begin in range(worker * BATCH, len(images), workers * BATCH):
                for i in range(begin, begin + BATCH):
                    memory[i] = images[i]
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def cpu_seconds():
    """Of this process and all that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(
            resource.getrusage,
            (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN),
        )
    )


def timed(run, count):
    """Microseconds an image."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    run()
    return {
        "wall_us": 1e6 * (time.perf_counter() - wall) / count,
        "cpu_us": 1e6 * (cpu_seconds() - cpu) / count,
    }


def summary(rounds):
    result: dict[str, Any] = {
        name: {
            unit: statistics.median(r[name][unit] for r in rounds)
            for unit in ("wall_us", "cpu_us")
        }
        for name in rounds[0]
    }
    over_decode = [
        r["pipeline"]["cpu_us"] / r["decode_and_crop"]["cpu_us"] for r in rounds
    ]
    to_pil = [r["pil"]["wall_us"] / r["pipeline"]["wall_us"] for r in rounds]
    for name, values in (
        ("pipeline_over_decode_cpu", over_decode),
        ("ratio_to_pil", to_pil),
    ):
        result[name] = statistics.median(values)
        result[f"{name}_spread"] = [min(values), max(values)]
    return result


def report(result, count, arguments):
    print(
        f"{count} images, median of {arguments.rounds} rounds; "
        f"{os.cpu_count()} cores ({platform.machine()}), {arguments.workers} "
        f"PIL workers, TensorFlow {tf.__version__}"
    )
    for name, times in result.items():
        if isinstance(times, dict):
            print(
                f"{name:16} {1e6 / times['wall_us']:7.0f} images/s "
                f"{times['cpu_us']:7.0f} us CPU an image"
            )
    for name in ("pipeline_over_decode_cpu", "ratio_to_pil"):
        low, high = result[f"{name}_spread"]
        print(f"{name} {result[name]:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    command_line.run(main)
