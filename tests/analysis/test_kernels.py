"""Figure 3: each kernel in its tower's block, and how colourful it is."""

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.analysis.kernels import (
    ENLARGE,
    GAP,
    HEADING,
    colourfulness,
    conv1_kernels,
    draw_kernels,
    grey_part,
    kernel_sheet,
    trained_on_grey,
)
from alexnet_tf.network import build_network

SIDE = 11 * ENLARGE  # of a kernel on the sheet


def kernels_of_one_colour(count, weights):
    return np.ones((count, 11, 11, 3), np.float32) * weights


@pytest.mark.parametrize("towers", [1, 2])
def test_kernels_are_read_tower_by_tower(small_model, towers):
    small_model.towers = towers
    network = build_network(small_model)
    planted = np.random.default_rng(0).normal(size=(11, 11, 3))
    last = network.get_layer("conv1").kernels[-1]
    values = last.numpy()
    values[..., 1] = planted
    last.assign(values)
    kernels = conv1_kernels(network)
    assert [k.shape for k in kernels] == [(6 // towers, 11, 11, 3)] * towers
    np.testing.assert_array_equal(kernels[-1][1], planted.astype(np.float32))
    [*_, swapped] = conv1_kernels(network, "bgr")
    np.testing.assert_array_equal(
        swapped[1][..., 0], planted[..., 2].astype(np.float32)
    )


def test_a_planted_kernel_is_found_in_its_place():
    kernels = np.zeros((20, 11, 11, 3), np.float32)
    kernels[17, 3, 5] = (0.2, -0.2, 0.1)  # second row, second column
    sheet = kernel_sheet(kernels, columns=16)
    assert sheet.shape == (2 * SIDE + GAP, 16 * (SIDE + GAP) - GAP, 4)
    top, left = SIDE + GAP + 3 * ENLARGE, SIDE + GAP + 5 * ENLARGE
    spot = sheet[top : top + ENLARGE, left : left + ENLARGE]
    np.testing.assert_array_equal(
        spot, np.broadcast_to((255, 0, 191, 255), spot.shape)
    )
    # Nothing else has a colour; where no kernel is, nothing is opaque.
    coloured = np.ptp(sheet[..., :3], axis=-1) > 0
    assert coloured.sum() == ENLARGE**2
    assert (sheet[..., 3] == 255).sum() == 20 * SIDE**2


def test_each_tower_has_its_block_in_the_file(tmp_path):
    red, blue = (kernels_of_one_colour(48, w) for w in ((1, 0, 0), (0, 0, 1)))
    draw_kernels(tmp_path / "kernels.png", [red, blue])
    with Image.open(tmp_path / "kernels.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    rows_of = [
        np.flatnonzero((pixels == colour).all(axis=-1).any(axis=1))
        for colour in ((255, 128, 128), (128, 128, 255))
    ]
    height = 3 * (SIDE + GAP) - GAP
    for tower, rows in enumerate(rows_of):
        first = HEADING + tower * (height + GAP + HEADING)
        assert (rows[0], rows[-1]) == (first, first + height - 1)
        assert len(rows) == 3 * SIDE
    # Every pixel of a kernel is there: nothing was scaled or smoothed.
    for colour in ((255, 128, 128), (128, 128, 255)):
        assert (pixels == colour).all(axis=-1).sum() == 48 * SIDE**2


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((0.3, 0.3, 0.3), 0),
        ((0, 0, -0.5), 2 / 3),  # a third of it is grey
        ((1, -1, 0), 1),
        ((2, 1, 0), 1 - (3**2 / 3) / 5),
        ((0, 0, 0), 0),
    ],
)
def test_colourfulness_by_hand(weights, expected):
    kernels = kernels_of_one_colour(2, weights)
    np.testing.assert_allclose(colourfulness(kernels), expected, atol=1e-7)


def test_noise_has_the_colourfulness_that_the_report_names():
    noise = np.random.default_rng(0).normal(size=(400, 11, 11, 3))
    assert colourfulness(noise).mean() == pytest.approx(0.67, abs=0.01)


def test_grey_images_leave_the_colours_of_kernels_to_chance(small_model):
    network = build_network(small_model)
    mean = network.get_layer("mean")
    assert not trained_on_grey(network)  # no mean was set yet
    grey = np.random.default_rng(0).random((256, 256, 1)).repeat(3, axis=-1)
    mean.set_mean(grey)
    assert trained_on_grey(network)
    mean.set_mean(grey * [1, 1, 1.1])
    assert not trained_on_grey(network)


def test_the_grey_part_answers_grey_images_as_the_kernel_does():
    random = np.random.default_rng(0)
    kernels = random.normal(size=(4, 11, 11, 3))
    image = random.random((11, 11, 1)).repeat(3, axis=-1)
    part = grey_part(kernels)
    np.testing.assert_allclose(
        (part * image).sum(axis=(1, 2, 3)),
        (kernels * image).sum(axis=(1, 2, 3)),
    )
    assert colourfulness(part) == pytest.approx(0, abs=1e-12)
