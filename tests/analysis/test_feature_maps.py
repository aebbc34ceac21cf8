"""Activations as pictures."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.analysis.feature_maps import (
    feature_maps,
    map_sheets,
    most_active,
)
from alexnet_tf.network import build_network


@pytest.mark.parametrize("towers", [1, 2])
def test_conv1s_maps_are_its_convolution(small_model, towers):
    small_model.towers = towers
    network = build_network(small_model)
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (224, 224, 3), np.uint8)
    maps = feature_maps(network, image)
    assert list(maps) == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    padded = np.pad(image.astype(np.float64), ((0, 3), (0, 3), (0, 0)))
    for kernel, found in zip(
        network.get_layer("conv1").kernels, maps["conv1"], strict=True
    ):
        kernel = kernel.numpy().astype(np.float64)
        wanted = tf.nn.conv2d(padded[None], kernel, 4, "VALID")[0]
        np.testing.assert_allclose(
            found, tf.nn.relu(wanted), rtol=1e-4, atol=1e-3
        )


def test_white_is_the_largest_of_both_towers():
    first, second = np.zeros((2, 27, 27, 3), np.float32)
    first[4, 5, 1], second[0, 0, 2] = 1.0, 4.0
    # Two columns: the last map is alone in the second row. The most active
    # one stands first.
    first[..., 0] = 0.01
    sheets = map_sheets([first, second], columns=2)
    [[*one]] = np.argwhere(sheets[0][::2, ::2, 0] > 100)
    # Every pixel is doubled; the second map begins at 27 and a gap of one.
    assert one == [4, 27 + 1 + 5]
    assert sheets[0][8, 66, 0] == 128  # the square root of a quarter
    assert sheets[1][0, 0, 0] == 255
    assert sheets[1][..., 0].sum() == 4 * 255


def test_negative_activations_are_darker_than_zero():
    maps = np.full((27, 27, 1), -1.0, np.float32)
    maps[0, 0] = 3
    [sheet] = map_sheets([maps], columns=1)
    assert (sheet[0, 0, 0], sheet[4, 4, 0]) == (255, 0)


def test_the_most_active_maps_are_shown():
    random = np.random.default_rng(0)
    maps = random.random((5, 5, 100)) * random.random(100)
    shown = most_active(maps)
    sums = [float(maps[..., i].sum()) for i in range(100)]
    assert sorted(sums, reverse=True)[:32] == [sums[i] for i in shown]
