"""Orders of axes, against sums over single neurons."""

import numpy as np
import pytest

from alexnet_tf.weights.layout import (
    kernel_from_maps_first,
    layers_from_maps_first,
    layers_to_maps_first,
    matrix_from_maps_first,
)
from tests.weights import alexnet_files as files


def test_a_matrix_gives_the_same_sums():
    random = np.random.default_rng(0)
    maps = random.normal(size=(4, 3, 3))  # map, row, column
    matrix = random.normal(size=(5, 36))
    rows = matrix_from_maps_first(matrix, 4)
    for neuron in range(5):
        total = sum(
            matrix[neuron, m * 9 + y * 3 + x] * maps[m, y, x]
            for m in range(4)
            for y in range(3)
            for x in range(3)
        )
        by_place = np.array(
            [
                maps[m, y, x]
                for y in range(3)
                for x in range(3)
                for m in range(4)
            ]
        )
        assert by_place @ rows[:, neuron] == pytest.approx(total)


def test_a_kernel_is_found_where_it_was():
    kernel = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    ours = kernel_from_maps_first(kernel)
    assert ours[3, 1, 2, 0] == kernel[0, 2, 3, 1]


def test_maps_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match="not 4 square maps"):
        matrix_from_maps_first(np.zeros((5, 24)), 4)


def test_there_and_back():
    weights = files.random_weights(1 / 16, 7)
    again = layers_to_maps_first(layers_from_maps_first(weights))
    for name, pair in weights.items():
        for array, other in zip(pair, again[name], strict=True):
            np.testing.assert_array_equal(array, other)
