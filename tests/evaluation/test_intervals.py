"""Wilson's interval against its formula and against what it promises."""

import math

import numpy as np
import pytest

from alexnet_tf.evaluation.top_k import wilson_interval

Z = 1.959963984540054  # of 95 %


@pytest.mark.parametrize(
    ("wrong", "images"),
    [(0, 1), (1, 1), (0, 50), (3, 1000), (714, 3925), (50, 100)],
)
def test_the_formula(wrong, images):
    p, n = wrong / images, images
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    np.testing.assert_allclose(
        wilson_interval(wrong, images),
        (centre - half, centre + half),
        rtol=1e-9,
        atol=1e-12,
    )


def test_one_image_tells_little():
    low, high = wilson_interval(1, 1)
    assert low == pytest.approx(0.2065, abs=1e-4)
    assert high == 1.0


def test_few_errors_are_not_none():
    low, high = wilson_interval(3, 1000)
    assert 0.0009 < low < 0.0011
    assert 0.008 < high < 0.009


def test_it_holds_the_error_as_often_as_it_says():
    random = np.random.default_rng(0)
    found = random.binomial(400, 0.1, 2000)
    held = [
        low <= 0.1 <= high
        for low, high in (wilson_interval(int(wrong), 400) for wrong in found)
    ]
    # 95 % of 2,000, within four standard deviations.
    assert abs(np.mean(held) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2000)
