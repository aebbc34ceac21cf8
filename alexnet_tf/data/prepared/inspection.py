"""Whether a finished set is still what it was when it was prepared."""

import contextlib
import os
import pathlib
import time

from alexnet_tf.data.prepared.description import DATASET_FILE, read_description
from alexnet_tf.data.prepared.reader import shards_of
from alexnet_tf.errors import UserError
from alexnet_tf.terminal.progress import ProgressReport


def inspect_prepared(folder: str | pathlib.Path) -> dict[str, int]:
    """Compares all shards of a set with their checksums.

    Every damaged shard is printed, with the number of its records that are
    lost. Where all are sound, dataset.json becomes newer than they are.

    Args:
        folder: of the set, see `data.prepared`.

    Returns:
        {"train": number of records, perhaps "validation"}.

    Raises:
        UserError: there is no complete set, or some of it is damaged.
    """
    folder, begin = pathlib.Path(folder), time.time()
    splits = shards_of(folder, read_description(folder))
    shards = [s for split in splits.values() for s in split.shards]
    counts = {
        name: sum(shard.records for shard in split.shards)
        for name, split in splits.items()
    }
    damaged = []
    with ProgressReport("checksums", sum(counts.values())) as progress:
        for split in splits.values():
            for shard in split.shards:
                lost = shard.damaged(split.record_format)
                if lost or shard.size != shard.bytes:
                    damaged.append((shard, lost))
                progress.advance(shard.records)
    for shard, lost in damaged:
        reason = next(iter(lost.values()), "it holds more than it should")
        print(
            f"{shard.path}: {len(lost)} of {shard.records} records are lost "
            f"({reason})"
        )
    if damaged:
        raise UserError(
            f"{len(damaged)} of the {len(shards)} shards in {folder} are "
            "damaged or gone: copy them again, or prepare the set again in "
            "another folder"
        )
    if any(shard.written_after(folder / DATASET_FILE) for shard in shards):
        # Training compares what is newer, which need not be compared again.
        with contextlib.suppress(OSError):  # The set may be read-only.
            os.utime(folder / DATASET_FILE, (begin, begin))
    return counts
