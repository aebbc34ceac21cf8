"""Arrays written row by row."""

import numpy as np
import pytest

from alexnet_tf.retrieval.rows_file import RowsFile


@pytest.mark.parametrize("counts", [[], [1], [5, 0, 7], [1] * 1001])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_numpy_reads_what_was_written(tmp_path, counts, dtype):
    random = np.random.default_rng(0)
    parts = [random.normal(size=(n, 3)).astype(np.float32) for n in counts]
    with RowsFile(tmp_path / "rows.npy", [3], dtype) as rows:
        for part in parts:
            rows.append(part)
    read = np.load(tmp_path / "rows.npy", mmap_mode="r" if counts else None)
    assert read.dtype == dtype
    np.testing.assert_array_equal(
        read, np.concatenate([np.empty((0, 3)), *parts]).astype(dtype)
    )
