"""Images that are damaged or vanish after a run has begun.

What can no longer be read is found when training stumbles over it, left out
from then on and listed in damaged.csv of the run folder, which a resumed run
reads.
"""

import csv
import dataclasses
import pathlib

import tensorflow as tf

from alexnet_tf.csv_files import text_of, write_csv
from alexnet_tf.data.source import Damaged
from alexnet_tf.errors import UserError
from alexnet_tf.files import readable

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


def read_damaged(file):
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
            file, newline="", encoding="utf-8", errors="surrogateescape"
        ) as text,
    ):
        header, *rows = csv.reader(text)
        if tuple(header) != COLUMNS:
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        return [_damaged(row) for row in rows]


def _damaged(row):
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

    def __init__(self, file, records, most):
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

    def find(self):
        """Looks through all images and leaves out what is damaged.

        Returns:
            Whether anything was.

        Raises:
            UserError: there is too much of it; nothing is left out then.
        """
        found = [
            (split, damaged)
            for split, records in self._records.items()
            for damaged in records.find_damaged()
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
            f"{len(found)} images are damaged or gone and are left out from "
            f"here on ({len(rows)} of {total} since the run began, all of "
            f"them in {self._file}): {listed(images)}",
            flush=True,
        )
        return True

    def _leave_out(self, rows):
        for split, records in self._records.items():
            records.leave_out_damaged(d.number for s, d in rows if s == split)


def listed(damaged, most=3):
    """The first few of a list of `Damaged`, on one line."""
    named = [f"{image.name} ({image.reason})" for image in damaged[:most]]
    more = [f"{len(damaged) - most} more"] if len(damaged) > most else []
    return "; ".join(named + more)
