"""Binary codes without a network, to compare an auto-encoder's with.

Both turn a vector, minus the mean, by a matrix and take the signs.
"""

import numpy as np

ITQ_ROUNDS = 50  # as in the paper


def random_hyperplanes(vectors, bits, seed=0):
    """Signs of random projections (Charikar 2002).

    Args:
        vectors: float32 [N, D] to learn from; only their mean is used.
        bits: length of a code.
        seed: integer.

    Returns:
        Function from vectors [Q, D] to codes, uint8 [Q, bits / 8].
    """
    random = np.random.default_rng(seed)
    planes = random.normal(size=(vectors.shape[1], bits))
    return _signs(vectors.mean(axis=0), planes)


def iterative_quantization(vectors, bits, axes, seed=0):
    """The first principal axes, turned until signs fit them best: ITQ.

    Gong and Lazebnik, "Iterative Quantization", CVPR 2011: in turns, signs of
    the turned vectors, and the rotation that brings the vectors nearest to
    them (Procrustes).

    Args:
        vectors, bits, seed: see `random_hyperplanes`.
        axes: of `principal_axes`.

    Returns:
        As `random_hyperplanes`.
    """
    mean = vectors.mean(axis=0)
    axes = axes[:, :bits]
    projected = (vectors - mean) @ axes
    random = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(random.normal(size=(bits, bits)))
    for _ in range(ITQ_ROUNDS):
        corners = np.where(projected @ rotation > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(projected.T @ corners)
        rotation = left @ right
    return _signs(mean, axes @ rotation)


def principal_axes(vectors):
    """Principal axes, float64 [D, D], one a column, largest variance first."""
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return axes[:, ::-1]


def _signs(mean, matrix):
    matrix = matrix.astype(np.float32)
    return lambda vectors: np.packbits((vectors - mean) @ matrix > 0, axis=1)
