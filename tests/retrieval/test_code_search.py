"""Searches for codes beside numpy's bits."""

import numpy as np
import pytest

from alexnet_tf.retrieval.code_search import (
    KINDS,
    open_code_search,
    write_code_search,
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", [8, 128, 256])
def test_hamming_distances_are_those_of_the_bits(tmp_path, kind, bits):
    random = np.random.default_rng(0)
    centres = random.random((40, bits)) < 0.5
    flips = random.random((2000, bits)) < 0.05
    codes = np.packbits(centres.repeat(50, axis=0) ^ flips, axis=1)
    queries = np.packbits(centres[:20], axis=1)
    file = tmp_path / "codes.faiss"
    if kind != "flat":
        write_code_search(file, codes, kind)
    distances, rows = open_code_search(file, codes, kind).search(queries, 10)
    counted = np.unpackbits(queries[:, None] ^ codes[None], axis=2).sum(axis=2)
    np.testing.assert_array_equal(
        distances, np.take_along_axis(counted, rows, axis=1)
    )
    true = np.sort(counted, axis=1)[:, :10]
    assert (distances == true).mean() > (0.999 if kind == "flat" else 0.9)
