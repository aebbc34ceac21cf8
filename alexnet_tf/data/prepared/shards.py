"""The files of a prepared set: what they should be and how they are read."""

import bisect
import contextlib
import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Callable, Collection
from typing import Any

import tensorflow as tf

from alexnet_tf.data.image_set import Damaged, is_in_class_order
from alexnet_tf.data.prepared.format import RecordFormat
from alexnet_tf.data.record_table import places_in_files, table_of
from alexnet_tf.files.checksums import file_sha256
from alexnet_tf.terminal.progress import ProgressReport

# What `Shards.sampled_labels` looks at.
SAMPLED_SHARDS, SAMPLED_RECORDS = 64, 16
# What TensorFlow raises where a shard is damaged or missing.
DAMAGE = (
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
    tf.errors.UnknownError,
)


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of records, as dataset.json describes it.

    Attributes:
        path: where it lies.
        records: number of records in it.
        bytes: its size.
        sha256: its checksum, in hexadecimal.
    """

    path: pathlib.Path
    records: int
    bytes: int
    sha256: str

    @property
    def size(self) -> int | None:
        """Its size now; None where it is missing."""
        return self.path.stat().st_size if self.path.is_file() else None

    def written_after(self, file: pathlib.Path) -> bool:
        """Whether it has a later modification time than a file."""
        return (
            self.path.is_file()
            and self.path.stat().st_mtime_ns > file.stat().st_mtime_ns
        )

    @property
    def is_whole(self) -> bool:
        """Whether it is what it was; reads all of it.

        Raises:
            OSError: it cannot be read.
        """
        return file_sha256(self.path) == self.sha256

    def damaged(self, record_format: RecordFormat) -> dict[int, str]:
        """{place of a record: what is wrong with it}; reads all of it."""
        everything = range(self.records)
        try:
            if self.is_whole:
                return {}
            found = record_format.damaged(self.path, self.records)
        except OSError as error:
            return dict.fromkeys(everything, str(error.strerror))
        if not found and self.size == self.bytes:
            return dict.fromkeys(everything, "it is another file's")
        return found


@dataclasses.dataclass(frozen=True)
class Shards:
    """The shards of a split. Records have numbers: their places in it.

    Args:
        shards: list of `Shard`.
        record_format: a `RecordFormat`.
        left_out: numbers of the records that are not read.
    """

    shards: list[Shard]
    record_format: RecordFormat
    left_out: frozenset = frozenset()

    def damaged(
        self, shards: Collection[Shard], progress: ProgressReport
    ) -> list[Damaged]:
        """`Damaged` records of some of the shards.

        Args:
            shards: those that are read.
            progress: a `ProgressReport` of their records.
        """
        found = []
        for shard, first in zip(self.shards, self._firsts(), strict=False):
            if shard not in shards:
                continue
            found += [
                Damaged(
                    number=first + place,
                    name=f"{shard.path} record {place + 1}",
                    reason=reason,
                )
                for place, reason in shard.damaged(self.record_format).items()
            ]
            progress.advance(shard.records)
        return found

    def examples(self) -> tf.data.Dataset:
        """All examples in the order of the shards."""
        return self._parse(self._numbers().flat_map(self._reader()))

    def reordered(
        self, seed: tf.Tensor, at_once: int, function: Callable[[dict], dict]
    ) -> tf.data.Dataset:
        """The examples with the shards shuffled, several read in turns.

        Args:
            seed: int64 scalar tensor.
            at_once: number of shards that are read in turns.
            function: applied to examples or batches of them.
        """
        count = len(self.shards)
        records = (
            self._numbers()
            .shuffle(count, seed=seed, reshuffle_each_iteration=False)
            .interleave(self._reader(), cycle_length=min(at_once, count))
        )
        return self._parse(records, function)

    def read(self, place: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The example at a place, see `record_table.places_in_files`.

        Raises:
            tf.errors.OpError: there is none, or its checksum is wrong.
        """
        record = self.record_format.open(
            place["file"], place["offset"], 1, place["bytes"]
        )
        return self._parse(record).get_single_element()

    def table(self, title: str) -> dict[str, Any]:
        """All examples as the table of a `Split`; reads all of them once."""
        places = places_in_files(
            [(shard.path, shard.records) for shard in self.shards],
            self.record_format.offsets,
        )
        return table_of(places, self.read, title)

    def in_class_order(self) -> bool:
        """See `Split.in_class_order`; looks into some of the shards."""
        labels = self.sampled_labels
        return not labels or is_in_class_order(labels)

    @functools.cached_property
    def sampled_labels(self) -> list[list[int]]:
        """Labels of the first records of some of the shards."""
        read = tf.function(  # traced once, and not for each shard
            self._first_labels,
            input_signature=[
                tf.TensorSpec([], tf.string),
                *[tf.TensorSpec([], tf.int64)] * 3,
            ],
        )
        step = -(-len(self.shards) // SAMPLED_SHARDS)
        labels = []
        for shard in self.shards[::step]:
            count = min(shard.records, SAMPLED_RECORDS)
            with contextlib.suppress(*DAMAGE):
                first = read(str(shard.path), 0, count, shard.size or 0)
                labels.append(first.numpy().tolist())
        return labels

    def _first_labels(
        self, path: tf.Tensor, offset: tf.Tensor, count: tf.Tensor, size: Any
    ) -> tf.Tensor:
        records = self.record_format.open(path, offset, count, size)
        labels = self._parse(records).map(lambda example: example["label"])
        return labels.batch(SAMPLED_RECORDS).get_single_element()

    def _numbers(self) -> tf.data.Dataset:
        return tf.data.Dataset.range(len(self.shards))

    def _firsts(self) -> list[int]:
        """Numbers of the first records of all shards, and of one behind."""
        sizes = (shard.records for shard in self.shards)
        return list(itertools.accumulate(sizes, initial=0))

    def _parse(
        self, records: tf.data.Dataset, *function: Callable[[dict], dict]
    ) -> tf.data.Dataset:
        return self.record_format.parse(records, *function)

    def _reader(self) -> Callable[[tf.Tensor], tf.data.Dataset]:
        """Function: number of a shard -> dataset of its records.

        Where a record is left out, a stand-in has its place, so that the
        order of the others does not change. A shard that ends too early is
        an error, wherever it was cut.
        """
        places = self._places_left_out()
        pieces, begins = [], [0]
        for number, shard in enumerate(self.shards):
            pieces += _pieces(shard, self.record_format, places.get(number, ()))
            begins.append(len(pieces))
        pieces = tuple(
            tf.constant(column, tf.int64)
            for column in zip(*pieces, strict=True)
        )
        begins = tf.constant(begins, tf.int64)
        paths = tf.constant([str(shard.path) for shard in self.shards])
        sizes = tf.constant(
            [shard.size or 0 for shard in self.shards], tf.int64
        )
        stand_in = tf.data.Dataset.from_tensors(self.record_format.stand_in)

        def read(number: tf.Tensor) -> tf.data.Dataset:
            path, size = paths[number], sizes[number]
            begin, end = begins[number], begins[number + 1]

            def read_piece(
                offset: tf.Tensor, count: tf.Tensor, left_out: tf.Tensor
            ) -> tf.data.Dataset:
                return (
                    self.record_format.open(path, offset, count, size)
                    .apply(tf.data.experimental.assert_cardinality(count))
                    .concatenate(stand_in.repeat(left_out))
                )

            return tf.data.Dataset.from_tensor_slices(
                tuple(column[begin:end] for column in pieces)
            ).flat_map(read_piece)

        return read

    def _places_left_out(self) -> dict[int, set[int]]:
        """{number of a shard: the places in it that are left out}."""
        firsts, places = self._firsts(), {}
        for number in self.left_out:
            shard = bisect.bisect(firsts, number) - 1
            places.setdefault(shard, set()).add(number - firsts[shard])
        return places


def _pieces(
    shard: Shard, record_format: RecordFormat, left_out: Collection[int]
) -> list[list[int]]:
    """[[offset, records from there on, records left out behind them]]."""
    if not left_out:
        return [[0, shard.records, 0]]
    if len(left_out) == shard.records:
        return [[0, 0, shard.records]]
    offsets = record_format.offsets(shard.path, shard.records)
    pieces = []
    for place, offset in enumerate(offsets):
        if place in left_out:
            if not pieces:
                pieces.append([0, 0, 0])
            pieces[-1][2] += 1
        elif pieces and not pieces[-1][2]:
            pieces[-1][1] += 1
        else:
            # What cannot be found fails when it is read.
            pieces.append([shard.bytes if offset is None else offset, 1, 0])
    return pieces
