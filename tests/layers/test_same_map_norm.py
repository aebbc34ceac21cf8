"""The 2012 code's norm inside each map, against the formula in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.normalization import (
    TowerSameMapNorm,
    same_map_normalization,
)
from alexnet_tf.layers.towers import placement

OF_2012 = {"size": 5, "k": 1.0, "alpha": 0.001 / 25, "beta": 0.75}
STRONG = {**OF_2012, "alpha": 0.02}
RANDOM = np.random.default_rng(0)
A = RANDOM.normal(0, 10, (2, 7, 9, 3)).astype(np.float32)
DB = RANDOM.normal(size=A.shape).astype(np.float32)


def places(size, shape):
    """Every unit, and the slices of the window around it."""
    for row, column in np.ndindex(shape[1:3]):
        yield (
            (slice(None), row, column),
            (
                slice(None),
                slice(max(0, row - size // 2), row + size // 2 + 1),
                slice(max(0, column - size // 2), column + size // 2 + 1),
            ),
        )


def formula(a, size, k, alpha, beta):
    """Unit by unit. Returns b and s = k + alpha * sum of squares."""
    s = np.empty(a.shape)
    for unit, window in places(size, a.shape):
        s[unit] = k + alpha * (a[window].astype(float) ** 2).sum(axis=(1, 2))
    return a / s**beta, s


def formula_gradient(a, db, size, k, alpha, beta):
    """Of sum(b * db), row by row of the Jacobian."""
    a, db = a.astype(float), db.astype(float)
    s = formula(a, size, k, alpha, beta)[1]
    da = db / s**beta
    for unit, window in places(size, a.shape):
        slope = -beta * s[unit] ** (-beta - 1) * 2 * alpha
        weight = (db[unit] * a[unit] * slope)[:, None, None]
        da[window] += weight * a[window]
    return da


def test_the_gradient_oracle_is_the_slope_of_the_formula():
    direction = RANDOM.normal(size=A.shape)
    ahead, behind = (
        (formula(A + step * direction, **STRONG)[0] * DB).sum()
        for step in (1e-4, -1e-4)
    )
    slope = (formula_gradient(A, DB, **STRONG) * direction).sum()
    assert (ahead - behind) / 2e-4 == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [OF_2012, STRONG, {**STRONG, "size": 3, "k": 2.0, "beta": 0.6}],
    ids=str,
)
def test_value_and_gradient_follow_the_formula(options):
    a = tf.constant(A)
    with tf.GradientTape() as tape:
        tape.watch(a)
        b = same_map_normalization(a, **options)
    expected = formula(A, **options)[0]
    assert np.abs(expected - A).max() > 0.01  # it does something
    np.testing.assert_allclose(b, expected, rtol=0, atol=1e-5)
    da = tape.gradient(b, a, tf.constant(DB))
    np.testing.assert_allclose(
        da, formula_gradient(A, DB, **options), rtol=0, atol=2e-6
    )


def test_squares_that_float16_cannot_hold():
    a = tf.fill([1, 6, 6, 1], tf.constant(1000, tf.float16))
    b = same_map_normalization(a)
    assert b.dtype == tf.float16
    expected = formula(np.full((1, 6, 6, 1), 1000.0), **OF_2012)[0]
    np.testing.assert_allclose(b, expected, rtol=2**-10)


def test_each_tower_on_its_own_device(tmp_path):
    halves = [keras.Input(A.shape[1:]) for _ in range(2)]
    with placement(("/CPU:1", "/CPU:2")):
        layer = TowerSameMapNorm(**STRONG)
    network = keras.Model(halves, layer(halves))
    outputs = network([A, 2 * A])
    assert [x.device[-5:] for x in outputs] == ["CPU:1", "CPU:2"]
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    for a, ours, theirs in zip(
        (A, 2 * A), outputs, loaded([A, 2 * A]), strict=True
    ):
        expected = formula(a, **STRONG)[0]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(ours, theirs)
