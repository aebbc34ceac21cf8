"""What is said of a search: how much of the truth it finds."""

import numpy as np


def brute_force(queries, vectors, k):
    """The k nearest rows of `vectors`, in float64 and without any library.

    Args:
        queries: [Q, D].
        vectors: [N, D].
        k: at most N.

    Returns:
        Rows, int64 [Q, k], nearest first.
    """
    vectors = vectors.astype(np.float64)
    squares = np.einsum("nd,nd->n", vectors, vectors)
    rows = []
    for query in queries.astype(np.float64):
        # Without |query|^2, which changes no order.
        distances = squares - 2 * (vectors @ query)
        nearest = np.argpartition(distances, k - 1)[:k]
        rows.append(nearest[np.argsort(distances[nearest], kind="stable")])
    return np.array(rows)


def recall(found, true, k):
    """Mean share of the k true neighbours among the k found.

    Args:
        found, true: row numbers, [Q, at least k], nearest first.
    """
    shares = [
        np.isin(t[:k], f[:k]).mean() for f, t in zip(found, true, strict=True)
    ]
    return float(np.mean(shares))


def precision(found, classes, wanted, k):
    """Mean share of the k found that are of the query's class.

    Args:
        found: row numbers, [Q, at least k].
        classes: array [N], of every row.
        wanted: array [Q], of the queries.
    """
    return float(np.mean(classes[found[:, :k]] == wanted[:, None]))
