"""Weighted ensembles against a plain search by numpy."""

import numpy as np
import pytest

from alexnet_tf.evaluation.coefficients import halves, part, searched, weighted
from alexnet_tf.evaluation.evaluate import Evaluation

IMAGES, CLASSES = 300, 12


@pytest.fixture(scope="module")
def evaluations():
    """Of three networks, each sharp where its own noise is small."""
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, IMAGES)
    made = []
    for noise in (1.5, 2.5, 9.0):
        logits = random.normal(0, noise, (IMAGES, CLASSES))
        logits[np.arange(IMAGES), labels] += 1.2
        powers = np.exp(logits)
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        made.append(Evaluation(np.arange(IMAGES), labels, probabilities))
    return made


def top5_error(evaluations, coefficients):
    total = sum(
        c * e.probabilities
        for c, e in zip(coefficients, evaluations, strict=True)
    )
    best = np.argsort(-total, axis=1, kind="stable")[:, :5]
    return np.mean(~(best == evaluations[0].labels[:, None]).any(axis=1))


def plain_search(evaluations):
    """Each in turn, until a whole round has changed nothing."""
    grid = np.arange(21) / 20
    coefficients = np.full(len(evaluations), 0.5)
    lowest, changed = top5_error(evaluations, coefficients), True
    while changed:
        changed = False
        for i in range(len(coefficients)):
            for c in grid:
                tried = coefficients.copy()
                tried[i] = c
                if tried.any() and top5_error(evaluations, tried) < lowest:
                    lowest = top5_error(evaluations, tried)
                    coefficients, changed = tried, True
    return coefficients


def test_the_search_of_2012(evaluations):
    found = searched(evaluations)
    np.testing.assert_allclose(found, plain_search(evaluations))
    equal = top5_error(evaluations, [1, 1, 1])
    assert weighted(evaluations, found).error(5) < equal


def test_a_weighted_average_is_one_of_probabilities(evaluations):
    ours = weighted(evaluations, [0.4, 0.6, 1.0])
    expected = np.average(
        [e.probabilities for e in evaluations], axis=0, weights=[0.4, 0.6, 1.0]
    )
    np.testing.assert_allclose(ours.probabilities, expected, atol=1e-15)
    assert ours.error(5) == pytest.approx(
        top5_error(evaluations, [0.4, 0.6, 1.0])
    )


@pytest.mark.parametrize("scale", [1e-307, 1, 1.5e307])
def test_only_the_ratio_of_coefficients_counts(evaluations, scale):
    ours = weighted(evaluations, [4 * scale, 6 * scale, 10 * scale])
    expected = 0.2 * evaluations[0].probabilities
    expected = expected + 0.3 * evaluations[1].probabilities
    expected = expected + 0.5 * evaluations[2].probabilities
    np.testing.assert_allclose(ours.probabilities, expected, atol=1e-15)


@pytest.mark.parametrize("images", [2, 3, 301])
def test_halves_hold_every_image_once(images):
    first, second = halves(images)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([first, second])), np.arange(images)
    )
    assert abs(len(first) - len(second)) <= 1
    if images > 100:  # drawn, not cut: sets are often sorted by class
        assert np.median(first) == pytest.approx(images / 2, rel=0.3)


def test_a_part_keeps_what_belongs_together(evaluations):
    rows = np.array([3, 7])
    taken = part(evaluations[0], rows)
    np.testing.assert_array_equal(taken.ids, [3, 7])
    np.testing.assert_array_equal(taken.labels, evaluations[0].labels[rows])
    np.testing.assert_array_equal(
        taken.probabilities, evaluations[0].probabilities[rows]
    )
