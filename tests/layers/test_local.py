"""Locally connected layers against a loop over the positions, in float64."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.local import LocallyConnected2D

SHAPE, SIZE, FILTERS = (2, 3, 4, 2), 3, 2


def by_loops(maps, kernel, bias):
    """y before the activation, position by position."""
    images, height, width, _ = maps.shape
    edge = SIZE // 2
    result = np.zeros((images, height, width, kernel.shape[-1]))
    around = np.pad(maps, [(0, 0), (edge, edge), (edge, edge), (0, 0)])
    for image in range(images):
        for row in range(height):
            for column in range(width):
                position = row * width + column
                patch = around[
                    image, row : row + SIZE, column : column + SIZE
                ].ravel()
                first = position * kernel.shape[-1]
                result[image, row, column] = (
                    patch @ kernel[position]
                    + bias[first : first + kernel.shape[-1]]
                )
    return result


@pytest.fixture
def layer():
    layer = LocallyConnected2D(FILTERS, SIZE, seed=3, dtype="float64")
    layer.build(SHAPE)
    random = np.random.default_rng(0)
    layer.bias.assign(random.normal(size=layer.bias.shape))
    return layer


@pytest.fixture
def maps():
    return np.random.default_rng(1).normal(size=SHAPE)


def test_values_are_those_of_a_loop(layer, maps):
    expected = by_loops(maps, layer.kernel.numpy(), layer.bias.numpy())
    np.testing.assert_allclose(layer(maps), expected, rtol=1e-12, atol=1e-12)


def test_gradients_are_differences_of_the_loop(layer, maps):
    arguments = [maps, layer.kernel.numpy(), layer.bias.numpy()]
    weights = np.random.default_rng(2).normal(size=(*SHAPE[:3], FILTERS))

    def loss(*arguments):
        return np.sum(weights * by_loops(*arguments) ** 2)

    with tf.GradientTape() as tape:
        watched = tf.constant(maps)
        tape.watch(watched)
        value = tf.reduce_sum(weights * layer(watched) ** 2)
    gradients = tape.gradient(value, [watched, *layer.trainable_variables])
    step = 1e-4  # The loss is of second degree: no error but rounding.
    for number, gradient in enumerate(gradients):
        expected = np.zeros(arguments[number].shape)
        for place in np.ndindex(expected.shape):
            moved = [np.copy(argument) for argument in arguments]
            moved[number][place] += step
            above = loss(*moved)
            moved[number][place] -= 2 * step
            expected[place] = (above - loss(*moved)) / (2 * step)
        np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("std", [None, 0.04])
def test_initial_kernels_have_the_stated_deviation(std):
    layer = LocallyConnected2D(64, SIZE, weight_std=std)
    layer.build((None, 8, 8, 16))
    kernel = layer.kernel.numpy()  # 64 x 144 x 64 draws
    expected = std or 144**-0.5
    assert np.std(kernel) == pytest.approx(expected, rel=0.01)
    assert abs(np.mean(kernel)) < 6 * expected / kernel.size**0.5
    assert not np.any(layer.bias.numpy())


def test_a_saved_layer_is_the_same_one():
    layer = LocallyConnected2D(4, 5, weight_std=0.1, seed=7, name="local3")
    again = LocallyConnected2D.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for one in (layer, again):
        one.build((None, 4, 4, 3))
    np.testing.assert_array_equal(layer.kernel, again.kernel)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="must be odd, not 4"):
        LocallyConnected2D(4, 4)
