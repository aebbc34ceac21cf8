"""The recipes of configs/cifar/ and the program that trains them."""

import importlib
import pathlib

import numpy as np
import pytest

from alexnet_tf.cifar_network import layer_names
from alexnet_tf.config import check_values
from benchmarks import cifar
from configs.cifar.recipe import Recipe, recipe
from configs.ranges import fields, is_stated

FOLDER = pathlib.Path(__file__).parents[1] / "configs" / "cifar"
NO_RECIPES = {"network", "recipe"}
RECIPES = sorted(path.stem for path in FOLDER.glob("*.py"))
RECIPES = [name for name in RECIPES if name not in NO_RECIPES]


def config_of(name):
    return importlib.import_module(f"configs.cifar.{name}").get_config()


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_complete(name):
    config = config_of(name)
    check_values(config, Recipe)
    names = layer_names(config.network)
    assert len(config.network.weight_std) == len(config.decays) == len(names)
    side = config.crop or 32
    network = cifar.compiled(config, np.full((32, 32, 3), 120.0), 10)
    assert network.input_shape == (None, side, side, 3)
    assert dict(network.optimizer.layer_decays) == dict(
        zip(names, config.decays, strict=True)
    )


def test_what_a_value_may_be_is_stated():
    assert all(is_stated(kind) for _, kind, _ in fields(Recipe))


def test_13pct_and_11pct_differ_as_the_notebook_says():
    without, with_lrn = map(config_of, ("conv_local_13pct", "conv_local_11pct"))
    assert not without.network.lrn
    assert with_lrn.network.lrn
    assert tuple(with_lrn.network.kernels) == (64, 64, 64, 32)
    assert with_lrn.decays[-1] == 0.01
    with_lrn.network.lrn = False
    with_lrn.network.kernels = without.network.kernels
    with_lrn.decays = without.decays
    assert with_lrn == without


def test_crops_come_from_everywhere_and_half_are_mirrored():
    row = np.arange(8)
    image = np.stack(np.broadcast_arrays(row[:, None], row, 0), axis=-1)
    images = np.repeat(image[None].astype(np.uint8), 4000, axis=0)
    views = cifar.random_views(images, 6, np.random.default_rng(0)).astype(int)
    tops, lefts = views[:, 0, 0, 0], views[:, 0, :, 1].min(axis=1)
    mirrored = views[:, 0, 0, 1] > views[:, 0, -1, 1]
    for view, top, left, mirror in zip(
        views, tops, lefts, mirrored, strict=True
    ):
        part = image[top : top + 6, left : left + 6]
        np.testing.assert_array_equal(view, part[:, ::-1] if mirror else part)
    # Nine places and two ways: 222 of 4,000 each, deviation 14.5.
    counts = np.zeros((3, 3, 2), int)
    np.add.at(counts, (tops, lefts, mirrored.astype(int)), 1)
    assert np.all(np.abs(counts - 4000 / 18) < 5 * 14.5)


def test_nine_places_are_edges_and_middles():
    images = np.arange(32 * 32 * 3).reshape(1, 32, 32, 3)
    views = list(cifar.nine_views(images, 24))
    assert [view[0, 0, 0, 0] // 3 for view in views] == [
        32 * top + left for top in (0, 4, 8) for left in (0, 4, 8)
    ]
    assert {view.shape for view in views} == {(1, 24, 24, 3)}


def test_lr_is_dropped_behind_the_epochs():
    config = recipe(epochs=3, epochs_after_drop=2)
    rates = [cifar.lr_of(config, epoch) for epoch in range(7)]
    expected = [1e-3] * 3 + [1e-4] * 2 + [1e-5] * 2
    np.testing.assert_allclose(rates, expected)


def test_a_training_to_its_end(capsys):
    """Dark and light images, which nine places of a test image tell apart."""
    config = recipe(epochs=4, drops=1, epochs_after_drop=1, batch_size=20)
    config.network.kernels = (4, 4, 4, 4)
    config.network.weight_std = ()
    config.network.pixel_scale = 64.0
    config.lr = 0.01
    config.crop = 8
    labels = np.arange(100) % 2
    random = np.random.default_rng(0)
    images = (
        random.integers(0, 100, (100, 12, 12, 3))
        + 150 * (labels[:, None, None, None])
    )
    images = images.astype(np.uint8)
    network = cifar.compiled(config, images.mean(axis=0), 2)
    network.jit_compile = False  # XLA takes longer than these steps
    cifar.train(network, images, labels, config)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        f"epoch {n} of 5" for n in range(1, 6)
    ]
    assert float(network.optimizer.learning_rate) == pytest.approx(0.001)
    assert cifar.test_errors(network, images, labels, config) == 0
    # All wrong where the labels are exchanged.
    assert cifar.test_errors(network, images, 1 - labels, config) == 100
