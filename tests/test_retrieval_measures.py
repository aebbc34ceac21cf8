"""What the benchmark of the search measures with, and compares with."""

import math

import numpy as np

from benchmarks.linear_codes import (
    iterative_quantization,
    principal_axes,
    random_hyperplanes,
)
from benchmarks.retrieval_measures import brute_force, precision, recall


def test_brute_force_sorts_by_distance():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(50, 8)).astype(np.float32)
    queries = random.normal(size=(4, 8)).astype(np.float32)
    for query, rows in zip(
        queries, brute_force(queries, vectors, 7), strict=True
    ):
        distances = [math.dist(query, vector) for vector in vectors]
        by_distance = sorted(range(50), key=distances.__getitem__)
        assert rows.tolist() == by_distance[:7]


def test_recall_counts_the_true_among_as_many_found():
    found = np.array([[4, 1, 9, 2], [5, 6, -1, -1]])
    true = np.array([[1, 4, 2, 9], [6, 7, 8, 5]])
    assert recall(found, true, 1) == 0
    assert recall(found, true, 2) == (1 + 1 / 2) / 2
    assert recall(found, true, 4) == (1 + 2 / 4) / 2


def test_precision_counts_the_same_class():
    classes = np.array(["cat", "dog", "cat"])
    found = np.array([[0, 1, 2], [1, 0, 2]])
    wanted = np.array(["cat", "dog"])
    assert precision(found, classes, wanted, 1) == 1
    assert precision(found, classes, wanted, 3) == (2 / 3 + 1 / 3) / 2


def test_hyperplanes_differ_by_the_angle():
    # Charikar 2002: the expected share of other bits is angle / pi.
    one = np.zeros((1, 16), np.float32)
    other = one.copy()
    one[0, 0] = 1
    other[0, :2] = math.cos(1), math.sin(1)
    vectors = np.concatenate([one, other, -one, -other])  # of mean 0
    codes = random_hyperplanes(vectors, 8000)(vectors)
    share = np.unpackbits(codes[0] ^ codes[1]).mean()
    assert abs(share - 1 / math.pi) < 0.02


def test_iterative_quantization_finds_the_corners_of_a_turned_cube():
    random = np.random.default_rng(0)
    corners = np.array(list(np.ndindex((2,) * 3))) * 2.0 - 1
    turn, _ = np.linalg.qr(random.normal(size=(20, 20)))
    vectors = (7 + corners @ turn[:3]).astype(np.float32)
    to_codes = iterative_quantization(vectors, 3, principal_axes(vectors))
    codes = to_codes(vectors)
    # Each corner its own code, as many bits apart as the corners are.
    apart = np.unpackbits(codes[:, None] ^ codes[None], axis=2).sum(axis=2)
    expected = (corners[:, None] != corners[None]).sum(axis=2)
    np.testing.assert_array_equal(apart, expected)
