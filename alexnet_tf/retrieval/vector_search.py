"""The nearest of many vectors by Euclidean distance, with faiss.

flat    compares with every vector: exact
hnsw    walks a graph of neighbours (Malkov and Yashunin 2016)
ivf     looks into the cells of a k-means whose centres are nearest
ivf4    as ivf, in vectors of 4-bit numbers, an eighth of the memory

flat needs no file but the vectors. The others find candidates; their
distances are then taken from the vectors themselves.
"""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np

from alexnet_tf.retrieval.blocks import blocks
from alexnet_tf.retrieval.faiss_library import load_faiss

KINDS = ("flat", "hnsw", "ivf", "ivf4")
DTYPES = ("float32", "float16")

HNSW_LINKS = 32
HNSW_BUILD_WIDTH = 200  # candidates kept while the graph is built
HNSW_WIDTH = 128  # candidates kept while it is searched
ROWS_PER_CELL = 39  # of k-means; faiss warns below it
CELLS_SEARCHED = 16
CANDIDATES_OF_IVF4 = 4  # compared again for each neighbour asked for


def write_search_file(
    path: pathlib.Path, vectors: np.ndarray, kind: str, seed: int = 0
) -> None:
    """Builds what a kind other than flat needs; the vectors are streamed.

    Args:
        path: of the file.
        vectors: [N, D], float32 or float16, perhaps memory-mapped. hnsw and
            ivf store a copy in the same precision.
        kind: hnsw, ivf or ivf4.
        seed: of the choice of vectors that k-means sees.
    """
    faiss = load_faiss()
    index = faiss.index_factory(
        vectors.shape[1], _recipe(kind, vectors), faiss.METRIC_L2
    )
    if kind == "hnsw":
        index.hnsw.efConstruction = HNSW_BUILD_WIDTH
    else:
        index.train(_sample(vectors, index.nlist * ROWS_PER_CELL, seed))
    for rows in blocks(vectors):
        index.add(rows)
    faiss.write_index(index, str(path))


def open_search(
    path: pathlib.Path | None, vectors: np.ndarray, kind: str
) -> VectorSearch:
    """The search of a kind; see `VectorSearch`.

    Args:
        path: of the file of `write_search_file`, not read for flat.
        vectors: as given to that.
    """
    if kind == "flat":
        return VectorSearch(vectors, _ExactCandidates(vectors), 1)
    index = load_faiss().read_index(str(path))
    if kind == "hnsw":
        index.hnsw.efSearch = HNSW_WIDTH
    else:
        index.nprobe = CELLS_SEARCHED
    return VectorSearch(
        vectors, index, CANDIDATES_OF_IVF4 if kind == "ivf4" else 1
    )


class VectorSearch:
    """Finds nearest vectors.

    Args:
        vectors: [N, D].
        candidates: has `search(queries, k)` as a faiss index.
        candidates_per_neighbour: how many are asked for.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        candidates: Any,
        candidates_per_neighbour: int,
    ) -> None:
        self._vectors = vectors
        self._candidates = candidates
        self._per_neighbour = candidates_per_neighbour

    def search(
        self, queries: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The nearest vectors of each query, nearest first.

        Args:
            queries: float32 [Q, D].
            k: neighbours, at most N.

        Returns:
            Distances, float64 [Q, k], and row numbers, int64 [Q, k]. Where an
            approximate search found fewer than k: infinity and -1.
        """
        candidates = min(k * self._per_neighbour, len(self._vectors))
        _, found = self._candidates.search(queries, candidates)
        distances = np.full(found.shape, np.inf)
        for query, rows, row_distances in zip(
            queries.astype(np.float64), found, distances, strict=True
        ):
            real = rows >= 0
            differences = self._vectors[rows[real]] - query
            row_distances[real] = np.linalg.norm(differences, axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return (
            np.take_along_axis(distances, order, axis=1),
            np.take_along_axis(found, order, axis=1),
        )


class _ExactCandidates:
    """faiss's brute force, a block of vectors at a time."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def search(
        self, queries: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        faiss = load_faiss()
        nearest = faiss.ResultHeap(len(queries), k)
        begin = 0
        for rows in blocks(self._vectors):
            squares, found = faiss.knn(queries, rows, min(k, len(rows)))
            nearest.add_result(squares, found + begin)
            begin += len(rows)
        nearest.finalize()
        return nearest.D, nearest.I


def _recipe(kind: str, vectors: np.ndarray) -> str:
    """The kind as faiss's index_factory writes it."""
    stored = "Flat" if vectors.dtype == np.float32 else "SQfp16"
    if kind == "hnsw":
        return f"HNSW{HNSW_LINKS},{stored}"
    cells = cell_count(len(vectors))
    return f"IVF{cells},{'SQ4' if kind == 'ivf4' else stored}"


def cell_count(rows: int) -> int:
    """Number of cells for so many rows."""
    return max(1, min(rows // ROWS_PER_CELL, round(4 * math.sqrt(rows))))


def _sample(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Random rows in their order, float32: sets are often sorted by class."""
    count = min(count, len(vectors))
    rows = np.random.default_rng(seed).choice(
        len(vectors), count, replace=False
    )
    return np.asarray(vectors[np.sort(rows)], np.float32)
