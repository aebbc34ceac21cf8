"""A prepared set: shards of 256x256 records, see `--mode=prepare`.

dataset.json                     what it is, shards with their checksums
mean.npy                         mean image, float64 [256, 256, 3], 0..255
{train,validation}-*             records, see `record_format`
rejected.csv                     images that were left out, and why
"""

import dataclasses
import functools
import pathlib
from collections.abc import Collection, Iterable

import numpy as np
import tensorflow as tf

from alexnet_tf.data.augment import crop_draws
from alexnet_tf.data.image_set import (
    LEFT_OUT,
    Damaged,
    Source,
    Split,
    table_split,
    with_table,
)
from alexnet_tf.data.prepared.description import (
    DATASET_FILE,
    Description,
    read_description,
)
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.shards import Shard, Shards
from alexnet_tf.data.statistics import Statistics
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.text import counted
from alexnet_tf.terminal.command import command
from alexnet_tf.terminal.progress import ProgressReport

MEAN_FILE = "mean.npy"
SHARDS_READ_AT_ONCE = 8


def load_prepared(
    folder: str | pathlib.Path | None, whole: bool = True
) -> Source:
    """Opens what `--mode=prepare` wrote.

    Args:
        folder: path of the prepared set.
        whole: whether to look if all shards are there, with their sizes.

    Raises:
        UserError: there is none, it is not complete, a shard is missing or
            has another size than it had, or a label has no class; of the
            labels some are looked at.
    """
    if not folder:
        raise UserError("data.name=prepared needs --data_dir=DIR")
    folder = pathlib.Path(folder)
    description = read_description(folder)
    splits = shards_of(folder, description)
    if whole:
        for shards in splits.values():
            _check_sizes(shards)
            _check_labels(folder, shards, len(description.class_names))
    record_format = FORMATS[description.format]

    def found(image: tf.Tensor | dict[str, tf.Tensor]) -> tf.Tensor:
        """What is in an image's place in a shard, or the image itself."""
        if isinstance(image, dict):
            return splits["train"].read(image)["image"]
        return image

    return Source(
        name="prepared",
        class_names=description.class_names,
        train=_split(folder, "train", splits["train"]),
        validation=_split(folder, "validation", splits["validation"])
        if "validation" in splits
        else None,
        decode=lambda image: record_format.decode(found(image)),
        decode_window=lambda image, *window: record_format.decode_window(
            found(image), *window
        ),
        fingerprint=description.fingerprint,
        licence=description.licence,
        statistics=functools.partial(_statistics, folder, description),
    )


def shards_of(
    folder: pathlib.Path, description: Description
) -> dict[str, Shards]:
    """{"train": `Shards`, perhaps "validation": `Shards`}."""
    return {
        name: Shards(
            [
                Shard(folder / s["file"], s["records"], s["bytes"], s["sha256"])
                for s in shards
            ],
            FORMATS[description.format],
        )
        for name, shards in description.splits.items()
    }


def _check_labels(folder: pathlib.Path, shards: Shards, classes: int) -> None:
    highest = max(map(max, filter(None, shards.sampled_labels)), default=0)
    if highest >= classes:
        raise UserError(
            f"{folder} has records with the label {highest}, but its "
            f"dataset.json lists {classes} classes, of labels 0 to "
            f"{classes - 1}: copy dataset.json again, or prepare the set again"
        )


def _check_sizes(shards: Shards) -> None:
    for shard in shards.shards:
        size = shard.size
        if size != shard.bytes:
            found = "missing" if size is None else f"{size} bytes long"
            raise UserError(
                f"{shard.path} is {found}, it should have {shard.bytes} "
                "bytes: copy the set again, or prepare it again in another "
                "folder"
            )


def _split(folder: pathlib.Path, name: str, shards: Shards) -> Split:
    return Split(
        examples=shards.examples(),
        size=sum(shard.records for shard in shards.shards),
        name_of=lambda i: f"{name} record {i} of {folder}",
        place_of=lambda i: f"{name} record {i}",
        most_buffered=shards.record_format.most_buffered,
        in_class_order=shards.in_class_order,
        as_table=functools.partial(_shuffled_whole, folder, name, shards),
        reordered=functools.partial(_reordered, shards),
        damaged=functools.partial(damaged_records, name, shards),
        rewritten=functools.partial(rewritten_records, folder, name, shards),
        without=lambda numbers: _split(
            folder,
            name,
            dataclasses.replace(shards, left_out=frozenset(numbers)),
        ),
    )


def _shuffled_whole(folder: pathlib.Path, name: str, shards: Shards) -> Split:
    """The split with a table: its images are places in the shards."""
    table = shards.table(f"records of {name}")

    def with_damage(numbers: Iterable[int]) -> Split:
        ids = table["id"].copy()
        ids[list(numbers)] = LEFT_OUT
        return with_table(split, {**table, "id": ids})

    split = table_split(
        table,
        lambda i: f"{name} record {i} of {folder}",
        place_of=lambda i: f"{name} record {i}",
        damaged=functools.partial(damaged_records, name, shards),
        rewritten=functools.partial(rewritten_records, folder, name, shards),
        without=with_damage,
    )
    return split


def damaged_records(name: str, shards: Shards) -> list[Damaged]:
    """`Damaged` records of a split's `Shards`; reads all that have changed."""
    return _compared(name, shards, shards.shards)


def rewritten_records(
    folder: pathlib.Path, name: str, shards: Shards
) -> list[Damaged]:
    """`Damaged` records in shards that are newer than dataset.json.

    That file is written last. Records with checksums of their own are not
    looked at: reading compares these.
    """
    description = folder / DATASET_FILE
    newer = [s for s in shards.shards if s.written_after(description)]
    if shards.record_format.has_checksums or not newer:
        return []
    print(
        f"{counted(len(newer), 'shard')} of {name}, such as {newer[0].path}, "
        f"written later than {description}: compared with the checksums there, "
        "since raw records have none of their own; "
        f"{command('prepare', prepared_dir=folder)} does so once for all",
        flush=True,
    )
    return _compared(name, shards, newer)


def _compared(
    name: str, shards: Shards, chosen: Collection[Shard]
) -> list[Damaged]:
    total = sum(shard.records for shard in chosen)
    with ProgressReport(f"checksums of {name}", total) as progress:
        return shards.damaged(chosen, progress)


def _reordered(shards: Shards, seed: tf.Tensor) -> tf.data.Dataset:
    return shards.reordered(
        seed,
        SHARDS_READ_AT_ONCE,
        lambda example: {**example, "draw": crop_draws(seed, example["id"])},
    )


def _statistics(
    folder: pathlib.Path, description: Description, fingerprint: str
) -> Statistics:
    file = folder / MEAN_FILE
    with readable(file):
        # The file is mapped: a header that promises more than there is reserves
        # nothing.
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
        statistics = Statistics(
            mean_image=np.array(mapped),
            covariance=np.array(description.covariance),
            rejected_train=np.empty(0, np.int64),
            rejected_validation=np.empty(0, np.int64),
            fingerprint=fingerprint,
        )
        statistics.check()
    return statistics
