"""Gradients that are written out, against float64 numpy."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.gradients import (
    add_bias,
    overlapping_max_pool,
    product,
    relu_in_parts,
)
from alexnet_tf.layers.input import add_to_every_pixel

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def gradients_of(function, arguments, upstream):
    """(result, gradients), computed in a graph."""

    @tf.function
    def run(*arguments):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            result = function(*arguments)
        return result, tape.gradient(result, arguments, upstream)

    return run(*map(tf.constant, arguments))


@pytest.mark.parametrize("rows", [1, 7])
def test_product(rows):
    x, kernel, upstream = normal(rows, 50), normal(50, 30), normal(rows, 30)
    result, (to_x, to_kernel) = gradients_of(product, (x, kernel), upstream)
    x, kernel, upstream = (
        array.astype(np.float64) for array in (x, kernel, upstream)
    )
    np.testing.assert_allclose(result, x @ kernel, rtol=0, atol=1e-5)
    np.testing.assert_allclose(to_x, upstream @ kernel.T, rtol=0, atol=1e-5)
    np.testing.assert_allclose(to_kernel, x.T @ upstream, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 5), (2, 9, 8, 5)])
def test_bias(shape):
    maps, bias, upstream = normal(*shape), normal(5), normal(*shape)
    result, (to_maps, to_bias) = gradients_of(add_bias, (maps, bias), upstream)
    np.testing.assert_array_equal(result, maps + bias)
    np.testing.assert_array_equal(to_maps, upstream)
    sums = upstream.astype(np.float64).reshape(-1, 5).sum(axis=0)
    np.testing.assert_allclose(to_bias, sums, rtol=0, atol=1e-5)


def test_relu_in_parts():
    maps, upstream = normal(2, 3, 4, 6), [normal(2, 3, 4, 2) for _ in range(3)]
    parts, [to_maps] = gradients_of(
        lambda maps: relu_in_parts(maps, 3), (maps,), upstream
    )
    joined = np.concatenate(parts, axis=-1)
    np.testing.assert_array_equal(joined, np.maximum(maps, 0))
    np.testing.assert_array_equal(
        to_maps, np.where(maps > 0, np.concatenate(upstream, axis=-1), 0)
    )


def test_what_is_not_finite_reaches_the_bias():
    """By the first layer's biases a training step sees that it must stop."""
    upstream = normal(2, 3, 3, 4)
    upstream[1, 2, 0, 3] = np.nan
    upstream[0, 0, 1, 1] = np.inf
    _, (_, to_bias) = gradients_of(
        add_bias, (normal(2, 3, 3, 4), normal(4)), upstream
    )
    np.testing.assert_array_equal(
        np.isfinite(to_bias), [True, False, True, False]
    )


def test_offsets_of_pixels():
    images, offsets = normal(3, 4, 5, 3), normal(3, 3)
    expected = images + offsets[:, None, None, :]
    ours = add_to_every_pixel(tf.constant(images), offsets, tf.float32)
    np.testing.assert_array_equal(ours, expected)
    ours = add_to_every_pixel(tf.constant(images), offsets, tf.bfloat16)
    np.testing.assert_array_equal(ours, tf.cast(expected, tf.bfloat16))


def test_an_overlapping_pool_sends_its_gradient_to_every_maximum():
    # Few different values: ties are many.
    maps = RANDOM.integers(-3, 3, (2, 4, 6, 3)).astype(np.float32)
    upstream = normal(2, 2, 3, 3)
    pools, [gradient] = gradients_of(overlapping_max_pool, [maps], upstream)
    expected, to_maps = np.zeros(pools.shape), np.zeros(maps.shape)
    for image, row, column, channel in np.ndindex(*pools.shape):
        place = (
            image,
            slice(2 * row, 2 * row + 3),
            slice(2 * column, 2 * column + 3),
            channel,
        )
        pool = (image, row, column, channel)
        expected[pool] = maps[place].max()
        to_maps[place] += (maps[place] == expected[pool]) * upstream[pool]
    np.testing.assert_array_equal(pools, expected)
    np.testing.assert_allclose(gradient, to_maps, rtol=1e-6, atol=1e-6)


def test_an_overlapping_pool_of_an_odd_side_is_refused():
    with pytest.raises(ValueError, match="5x4 have an odd side"):
        overlapping_max_pool(tf.zeros([1, 5, 4, 1]))
