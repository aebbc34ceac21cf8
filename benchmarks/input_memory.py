"""Peak memory of preparing a large set and of reading an epoch of it.

    python -m benchmarks.input_memory [--images=100000] [--json] IMAGE ...

Makes a folder of that many links to the images, prepares it, and reads all of
its training batches with the default shuffle buffer; each in a process of its
own, whose peak is taken. Needs room for the records in --folder (default: a
temporary folder): about 30 kB an image.
"""

import itertools
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from benchmarks import command_line

READ = """
import resource, sys, time
from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.records import Records
from configs import paper
config = paper.get_config()
source = load_prepared(sys.argv[1])
records = Records(source, source.train, cache_gb=0)
batches = TrainingBatches(
    records, config.train.batch_size, crop=config.model.crop, seed=0,
    shuffle_buffer=config.data.shuffle_buffer,
)
for _ in batches.stream().take(batches.steps_per_epoch):
    pass
"""


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--images", type=command_line.count, default=100_000)
    parser.add_argument("--folder")
    parser.add_argument("files", nargs="+", metavar="IMAGE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        folder = pathlib.Path(folder)
        link_images(folder / "images", arguments.files, arguments.images)
        prepare = [
            *(sys.executable, "main.py", "--mode=prepare"),
            *("--config.data.name=folder", f"--data_dir={folder / 'images'}"),
            f"--prepared_dir={folder / 'prepared'}",
        ]
        read = [sys.executable, "-c", READ, str(folder / "prepared")]
        result = {"images": arguments.images}
        for name, command in (("prepare", prepare), ("read", read)):
            result[name] = measured(command, arguments.images)
            print(
                f"{name:8} {result[name]['peak_gb']:.2f} GB, "
                f"{result[name]['images_per_second']:.0f} images/s"
            )
    command_line.tell(arguments, result)


def link_images(root, files, count):
    """Links in root/train/{a,b} and ten in root/val/{a,b}."""
    for split, number in (("train", count), ("val", 10)):
        for name in ("a", "b"):
            (root / split / name).mkdir(parents=True)
        sources = itertools.cycle(
            pathlib.Path(file).resolve() for file in files
        )
        for i, source in zip(range(number), sources, strict=False):
            link = root / split / "ab"[i % 2] / f"{i:06d}{source.suffix}"
            link.symlink_to(source)


def measured(command, images):
    """Peak memory and speed of a process."""
    start = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(
            f"{command[:3]} ended with {os.waitstatus_to_exitcode(status)}"
        )
    return {
        "peak_gb": usage.ru_maxrss * 1024 / 1e9,
        "images_per_second": images / (time.monotonic() - start),
    }


if __name__ == "__main__":
    command_line.run(main)
