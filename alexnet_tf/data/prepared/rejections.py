"""The images that were left out, and when there are too many of them."""

import dataclasses
import pathlib

from alexnet_tf.data.prepared.shard_writer import Rejected
from alexnet_tf.errors import UserError
from alexnet_tf.files.csv import write_csv

FILE = "rejected.csv"


class Rejections:
    """Collects `Rejected` images up to a share of all.

    Args:
        folder: where rejected.csv goes.
        total: number of images.
        most: share of them above which preparation stops.
    """

    def __init__(self, folder: pathlib.Path, total: int, most: float) -> None:
        self._file = folder / FILE
        self._total = total
        self._most = most
        self._rejected = []

    def __len__(self) -> int:
        return len(self._rejected)

    def add(self, rejected: list[Rejected]) -> None:
        """Adds a list of `Rejected`.

        Raises:
            UserError: there are too many now; rejected.csv is written.
        """
        self._rejected += rejected
        if len(self._rejected) > self._most * self._total:
            self.write()
            last = self._rejected[-1]
            share = len(self._rejected) / self._total
            raise UserError(
                f"{len(self._rejected)} of {self._total} images cannot be "
                f"used, more than --max_rejected={self._most:g} of them; the "
                f"last is {last.name}: {last.reason}. All are listed in "
                f"{self._file}. Mend the images, or go on with the same "
                f"command and, at least, --max_rejected={share:.2g}"
            )

    def write(self) -> None:
        """Writes rejected.csv: split, name, reason; also where it is empty."""
        write_csv(
            self._file,
            [field.name for field in dataclasses.fields(Rejected)],
            map(dataclasses.astuple, self._rejected),
        )
