"""The nearest of many binary codes by Hamming distance, with faiss.

flat compares with every code; hnsw and ivf are approximate, see
`vector_search`. A code of 128 bits is 1/1024 of a vector, and comparing is an
exclusive or: flat serves millions.
"""

import pathlib
from typing import Any

import numpy as np

from alexnet_tf.retrieval.faiss_library import load_faiss
from alexnet_tf.retrieval.vector_search import (
    CELLS_SEARCHED,
    HNSW_BUILD_WIDTH,
    HNSW_LINKS,
    HNSW_WIDTH,
    cell_count,
)

KINDS = ("flat", "hnsw", "ivf")


def write_code_search(path: pathlib.Path, codes: np.ndarray, kind: str) -> None:
    """Builds what a kind other than flat needs.

    Args:
        path: of the file.
        codes: uint8 [N, bits / 8].
        kind: hnsw or ivf.
    """
    faiss = load_faiss()
    bits = codes.shape[1] * 8
    if kind == "hnsw":
        index = faiss.IndexBinaryHNSW(bits, HNSW_LINKS)
        index.hnsw.efConstruction = HNSW_BUILD_WIDTH
    else:
        centres = faiss.IndexBinaryFlat(bits)
        index = faiss.IndexBinaryIVF(centres, bits, cell_count(len(codes)))
        index.cp.min_points_per_centroid = 1  # of few codes: one cell
        index.train(codes)
    index.add(codes)
    faiss.write_index_binary(index, str(path))


def open_code_search(
    path: pathlib.Path | None, codes: np.ndarray, kind: str
) -> Any:
    """The search of a kind.

    Args:
        path: of the file of `write_code_search`, not read for flat.
        codes: as given to that.

    Returns:
        A binary index of faiss. Its `search(queries, k)` takes uint8
        [Q, bits / 8] and returns Hamming distances, int32 [Q, k], nearest
        first, and row numbers, int64 [Q, k]; the row is -1 where an
        approximate search found fewer than k.
    """
    faiss = load_faiss()
    if kind == "flat":
        index = faiss.IndexBinaryFlat(codes.shape[1] * 8)
        index.add(codes)
        return index
    index = faiss.read_index_binary(str(path))
    if kind == "hnsw":
        index.hnsw.efSearch = HNSW_WIDTH
    else:
        index.nprobe = CELLS_SEARCHED
    return index
