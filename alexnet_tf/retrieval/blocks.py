"""Vectors on a disk, a block at a time."""

from collections.abc import Iterator

import numpy as np

ROWS_AT_ONCE = 8192  # 134 MB of the paper's vectors as float32


def blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Yields consecutive rows as float32 arrays [<= 8192, D].

    Args:
        vectors: [N, D], float32 or float16, perhaps memory-mapped.
    """
    for begin in range(0, len(vectors), ROWS_AT_ONCE):
        yield np.asarray(vectors[begin : begin + ROWS_AT_ONCE], np.float32)
