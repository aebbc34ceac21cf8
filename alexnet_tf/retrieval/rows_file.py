"""An .npy file that is written row by row."""

import pathlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


class RowsFile:
    """Writes an array [N, ...] whose N is known only at the end.

    A context manager; `np.load` reads the file, also with `mmap_mode`.

    Args:
        path: of the .npy file.
        row_shape: shape of a row.
        dtype: of the numbers in it.
    """

    def __init__(
        self, path: pathlib.Path, row_shape: Iterable[int], dtype: npt.DTypeLike
    ) -> None:
        self._path = path
        self._row_shape = tuple(row_shape)
        self._dtype = np.dtype(dtype)
        self._count = 0

    def __enter__(self) -> "RowsFile":
        self._file = open(self._path, "wb")
        self._write_header()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._file:
            # numpy leaves room in the header for any N.
            self._file.seek(0)
            self._write_header()

    def append(self, rows: np.ndarray | list[int]) -> None:
        """Writes rows, [B, *row_shape]."""
        self._file.write(np.ascontiguousarray(rows, self._dtype).tobytes())
        self._count += len(rows)

    def _write_header(self) -> None:
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._count, *self._row_shape),
            },
        )
