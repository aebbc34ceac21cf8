"""One shard: its records, what was rejected, and the sums of its pixels."""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

from alexnet_tf.data.prepared.format import RecordFormat
from alexnet_tf.data.statistics import PixelSums
from alexnet_tf.files.atomic import replacing
from alexnet_tf.files.checksums import file_sha256


@dataclasses.dataclass(frozen=True)
class Rejected:
    """An image that was left out.

    Attributes:
        split: "train" or "validation".
        name: what a person can find it by.
        reason: in a few words.
    """

    split: str
    name: str
    reason: str


class ShardWriter:
    """Collects the records of a shard and writes them all at once.

    A shard exists under its name only when it is complete, and with it, under
    `notes`, what the others need to know of it.

    Args:
        file: path of the shard.
        notes: folder for what is known of it until the set is complete.
        record_format: a `RecordFormat`.
    """

    def __init__(
        self,
        file: str | pathlib.Path,
        notes: str | pathlib.Path,
        record_format: RecordFormat,
    ) -> None:
        self._format = record_format
        self._file = pathlib.Path(file)
        self._notes = _notes_of(self._file, notes)
        self._examples = []
        self._rejected = []
        self._sums = PixelSums()

    def add(self, number: int, label: int, name: str, image: bytes) -> None:
        """Adds a record; see `RecordFormat.serialize`."""
        self._examples.append(
            self._format.serialize(number, label, name, image)
        )

    def add_sums(self, *sums: Any) -> None:
        """Adds to the sums of the shard's pixels; see `PixelSums.add`."""
        self._sums.add(*sums)

    def reject(self, rejected: Rejected) -> None:
        """Notes a `Rejected` instead of a record."""
        self._rejected.append(rejected)

    def finish(self) -> None:
        """Writes the shard and its notes."""
        with replacing(self._file) as temporary:
            self._format.write(temporary, self._examples)
            digest = file_sha256(temporary)
            size = temporary.stat().st_size
        summary = {
            "file": self._file.name,
            "records": len(self._examples),
            "bytes": size,
            "sha256": digest,
        }
        rejected = [dataclasses.asdict(r) for r in self._rejected]
        with (
            replacing(self._notes.with_suffix(".npz")) as temporary,
            open(temporary, "wb") as file,
        ):
            np.savez(file, **vars(self._sums))
        # This comes last: a shard counts as done when this file is there.
        with replacing(self._notes) as temporary:
            temporary.write_text(
                json.dumps({"summary": summary, "rejected": rejected})
            )


@dataclasses.dataclass(frozen=True)
class FinishedShard:
    """What is known of a complete shard.

    Attributes:
        summary: {"file", "records", "bytes", "sha256"}.
        rejected: list of `Rejected`.
        sums: its `PixelSums`.
    """

    summary: dict
    rejected: list
    sums: PixelSums


def finished_shard(
    file: str | pathlib.Path, notes: str | pathlib.Path
) -> FinishedShard | None:
    """The `FinishedShard`, or None where the shard is not complete."""
    file = pathlib.Path(file)
    path = _notes_of(file, notes)
    if not (file.is_file() and path.is_file()):
        return None
    known = json.loads(path.read_text())
    if file.stat().st_size != known["summary"]["bytes"]:
        return None
    sums = PixelSums()
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        sums.add(arrays["count"], arrays["image"], arrays["products"])
    rejected = [Rejected(**r) for r in known["rejected"]]
    return FinishedShard(known["summary"], rejected, sums)


def _notes_of(file: pathlib.Path, notes: str | pathlib.Path) -> pathlib.Path:
    return pathlib.Path(notes) / f"{file.stem}.json"
