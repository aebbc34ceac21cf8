"""Searches for vectors beside numpy's brute force."""

import numpy as np
import pytest

from alexnet_tf.retrieval import blocks
from alexnet_tf.retrieval.vector_search import (
    DTYPES,
    KINDS,
    open_search,
    write_search_file,
)


@pytest.fixture(scope="module")
def clusters():
    """3,000 vectors around 60 centres, and 20 queries near some."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(60, 64)) * 3
    vectors = np.repeat(centres, 50, axis=0) + random.normal(size=(3000, 64))
    queries = centres[:20] + random.normal(size=(20, 64))
    return vectors, queries.astype(np.float32)


def nearest(queries, vectors, k):
    """Distances in float64, from the definition."""
    differences = queries[:, None].astype(np.float64) - vectors[None]
    return np.sort(np.sqrt((differences**2).sum(axis=2)), axis=1)[:, :k]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_are_those_of_brute_force(tmp_path, clusters, kind, dtype):
    vectors, queries = clusters
    vectors = vectors.astype(dtype)
    file = tmp_path / "vectors.faiss"
    if kind != "flat":
        write_search_file(file, vectors, kind)
    distances, rows = open_search(file, vectors, kind).search(queries, 10)
    assert rows.shape == (20, 10)
    true = nearest(queries, vectors.astype(np.float64), 10)
    np.testing.assert_allclose(
        distances,
        np.linalg.norm(
            queries[:, None].astype(np.float64) - vectors[rows], axis=2
        ),
        rtol=1e-12,
    )
    if kind == "flat":
        np.testing.assert_allclose(distances, true, rtol=1e-12)
    else:
        assert np.isclose(distances, true, rtol=1e-12).mean() > 0.95


def test_blocks_are_searched_as_one(monkeypatch, clusters):
    vectors, queries = clusters
    whole = open_search(None, vectors, "flat").search(queries, 30)
    # The last of them holds fewer vectors than are asked for.
    monkeypatch.setattr(blocks, "ROWS_AT_ONCE", 299)
    parts = open_search(None, vectors, "flat").search(queries, 30)
    np.testing.assert_array_equal(parts, whole)


def test_what_an_approximate_search_does_not_find_is_marked(tmp_path):
    # 40 cells of one far vector each: only the cells searched are found.
    vectors = np.eye(64, dtype=np.float32).repeat(39, axis=0) * 100
    file = tmp_path / "vectors.faiss"
    write_search_file(file, vectors, "ivf")
    distances, rows = open_search(file, vectors, "ivf").search(
        vectors[:1], len(vectors)
    )
    missing = rows[0] < 0
    assert 0 < missing.sum() < len(vectors)
    assert np.isinf(distances[0, missing]).all()
    assert (np.diff(missing.astype(int)) >= 0).all()  # last
    assert distances[0, 0] == 0


def test_ivf_is_the_same_each_time(tmp_path, clusters):
    vectors = clusters[0].astype(np.float32)
    files = [tmp_path / name for name in "ab"]
    for file in files:
        write_search_file(file, vectors, "ivf")
    assert files[0].read_bytes() == files[1].read_bytes()
