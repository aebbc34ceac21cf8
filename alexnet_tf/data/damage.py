"""Images that are damaged, before a run or in the middle of it."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from alexnet_tf.data.dataset_options import untuned
from alexnet_tf.data.image_set import Damaged, Source, Split
from alexnet_tf.data.preprocess import to_record, why_rejected
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.csv import text_of, write_csv
from alexnet_tf.files.text import counted
from alexnet_tf.terminal.progress import ProgressReport

if TYPE_CHECKING:
    from alexnet_tf.data.records import Records

AT_ONCE = 64

# What reading and decoding images may end with.
DATA_ERRORS = (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnknownError,
)
COLUMNS = ("split", *(field.name for field in dataclasses.fields(Damaged)))


def read_damaged(file: str | pathlib.Path) -> list[tuple[str, Damaged]]:
    """[(split, `Damaged`), ...] of a damaged.csv; none where there is none.

    Raises:
        UserError: it is no such file.
    """
    file = pathlib.Path(file)
    if not file.is_file():
        return []
    with (
        readable(file),
        open(
            file, newline="", encoding="utf-8-sig", errors="surrogateescape"
        ) as text,
    ):
        header, *rows = csv.reader(text)
        if tuple(header) != COLUMNS:
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        return [_damaged(row) for row in rows]


def _damaged(row: list[str]) -> tuple[str, Damaged]:
    """(split, `Damaged`) of a row; `ValueError` where it is none."""
    split, number, name, reason, size = map(text_of, row)
    return split, Damaged(
        int(number), name, reason, int(size) if size else None
    )


class DamageLog:
    """What a run leaves out because it was damaged after the run had begun.

    Args:
        file: damaged.csv of the run.
        records: {"train": `Records`, "validation": `Records`}; what the file
            lists is left out of them.
        most: share of all images above which a run stops.

    Raises:
        UserError: the file is damaged itself.
    """

    def __init__(
        self, file: str | pathlib.Path, records: dict[str, Records], most: float
    ) -> None:
        self._file = pathlib.Path(file)
        self._records = records
        self._most = most
        self._rows = read_damaged(file)
        for split, damaged in self._rows:
            if split not in records or damaged.number < 0:
                raise UserError(
                    f"{file} cannot be read: there is no image "
                    f"{damaged.number} of {split}"
                )
        self._leave_out(self._rows)

    def find(self, rewritten: bool = False) -> bool:
        """Looks through all images and leaves out what is damaged.

        Args:
            rewritten: whether to look only at what `Split.rewritten` does.

        Returns:
            Whether anything was.

        Raises:
            UserError: there is too much of it; nothing is left out then.
        """
        found = [
            (split, damaged)
            for split, records in self._records.items()
            for damaged in (
                records.find_rewritten()
                if rewritten
                else records.find_damaged()
            )
        ]
        if not found:
            return False
        rows = self._rows + found
        images = [damaged for _, damaged in found]
        total = sum(r.split.size for r in self._records.values())
        if len(rows) > self._most * total:
            raise UserError(
                f"{len(rows)} of {total} images are damaged or gone, more "
                f"than --config.data.max_damaged={self._most:g} of them; "
                f"among them {listed(images)}"
            )
        for split, records in self._records.items():
            if sum(s == split for s, _ in found) >= records.left:
                raise UserError(
                    f"no {split} image is left: all are damaged or gone, "
                    f"among them {listed(images)}"
                )
        self._rows = rows
        self._leave_out(found)
        write_csv(
            self._file,
            COLUMNS,
            [(split, *dataclasses.astuple(d)) for split, d in rows],
        )
        print(
            f"{counted(len(found), 'image is', 'images are')} damaged or "
            "gone and left out from "
            f"here on ({len(rows)} of {total} since the run began, all of "
            f"them in {self._file}): {listed(images)}",
            flush=True,
        )
        return True

    def _leave_out(self, rows: list[tuple[str, Damaged]]) -> None:
        for split, records in self._records.items():
            records.leave_out_damaged(d.number for s, d in rows if s == split)


def listed(damaged: list[Damaged], most: int = 3) -> str:
    """The first few of a list of `Damaged`, on one line."""
    named = [f"{image.name} ({image.reason})" for image in damaged[:most]]
    more = [f"{len(damaged) - most} more"] if len(damaged) > most else []
    return "; ".join(named + more)


def find_undecodable(
    source: Source, split: Split, known: np.ndarray
) -> list[Damaged]:
    """`Damaged` examples of a split whose ids are their numbers.

    Args:
        source: the `Source`; its images have to be decoded one by one.
        split: one of its splits.
        known: ids of those that are not worth mentioning; int64 array.

    Raises:
        UserError: the files that hold the images cannot be read.
    """
    ids = _all_ids(source, split)
    decoded = [known]
    batches = (
        split.examples.map(
            lambda example: (
                example["id"],
                to_record(source.decode(example["image"]))[0, 0, 0],
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .ignore_errors(log_warning=False)
        .batch(AT_ONCE)
        .with_options(untuned())
    )
    with ProgressReport(f"images of {source.name}", len(ids)) as progress:
        for numbers, _ in batches:
            decoded.append(numbers.numpy())
            progress.advance(len(decoded[-1]))
    lost = np.setdiff1d(ids, np.concatenate(decoded))
    if not len(lost):
        return []
    suspects = split.examples.filter(
        lambda example: tf.reduce_any(example["id"] == lost)
    )
    found = []
    for example in suspects:
        number = int(example["id"])
        reason = why_rejected(example["image"], source.decode)
        if reason:
            size = split.bytes_of(number) if split.bytes_of else None
            name = split.name_of(number)
            found.append(Damaged(number, name, reason, size))
    return found


def _all_ids(source: Source, split: Split) -> np.ndarray:
    """Ids of all examples, decodable or not.

    What could be skipped here would shift the ids of the others.
    """
    batches = split.examples.map(lambda example: example["id"]).batch(AT_ONCE)
    try:
        return np.concatenate(list(batches.as_numpy_iterator()))
    except tf.errors.OpError as error:
        reason = one_line(error.message, 200)
        raise UserError(
            f"the files of {source.name} cannot be read any more: {reason}. "
            "Mend them or fetch them again"
        ) from None
