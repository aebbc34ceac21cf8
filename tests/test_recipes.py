"""The recipes of other AlexNets: what is built and trained from them."""

import importlib
import math

import numpy as np
import pytest

from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import make_optimizer
from alexnet_tf.training.trainer import Trainer
from tests.slow import slow
from tests.training.narrow import fit

ONE_GPU = sum(
    weights + biases
    for weights, biases in (
        (11 * 11 * 3 * 48, 48),
        (5 * 5 * 48 * 128, 128),
        (3 * 3 * 128 * 192, 192),
        (3 * 3 * 192 * 192, 192),
        (3 * 3 * 192 * 256, 256),
        (6 * 6 * 256 * 4096, 4096),
        (4096 * 4096, 4096),
        (4096 * 1000, 1000),
    )
)
# Of the network in Caffe's model zoo: bvlc_alexnet's blobs, added up.
CAFFE = 60_965_224


def recipe(name):
    return importlib.import_module(f"configs.{name}").get_config()


@pytest.mark.parametrize(
    ("name", "parameters"), [("caffe", CAFFE), ("one_gpu", ONE_GPU)]
)
def test_parameters(name, parameters):
    network = build_network(recipe(name).model)
    shapes = [v.shape for v in network.trainable_variables]
    assert sum(map(math.prod, shapes)) == parameters


@pytest.mark.parametrize(
    "name", [slow("caffe"), slow("ilsvrc2010"), slow("one_gpu"), "original2012"]
)
def test_two_steps(name):
    config = recipe(name)
    config.model.width = 1 / 16
    config.model.num_classes = 10
    network = build_network(config.model)
    network.get_layer("mean").set_mean(np.full((256, 256, 3), 120.0))
    network.get_layer("lighting").set_principal_components(
        np.eye(3), np.array([8e4, 4e4, 2e4])
    )
    trainer = Trainer(network, make_optimizer(config.train))
    before = [v.numpy() for v in network.trainable_variables]
    random = np.random.default_rng(0)
    crop = config.model.crop
    images = random.integers(0, 256, (2, 4, crop, crop, 3), np.uint8)
    logs = fit(trainer, (images, random.integers(0, 10, (2, 4))))
    # The first steps of such weights hardly leave the loss of a guess.
    assert logs["loss"] == pytest.approx(math.log(10), abs=0.3)
    for variable, old in zip(network.trainable_variables, before, strict=True):
        assert np.isfinite(variable).all(), variable.path
        if "kernel" in variable.path:
            assert np.any(variable.numpy() != old), variable.path
