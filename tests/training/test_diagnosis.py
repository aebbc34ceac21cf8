"""What is said of networks that do not learn."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.network import build_network
from alexnet_tf.training.diagnosis import (
    diagnose,
    first_not_finite,
    flat_loss_window,
)


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return tf.constant(random.integers(0, 256, (4, 224, 224, 3), np.uint8))


@pytest.fixture
def network(small_model):
    for layer in small_model.weight_std:
        small_model.weight_std[layer] = 0.05
    return build_network(small_model)


def test_dead_units_are_counted(network, images):
    before = diagnose(network, images)
    layer = network.get_layer("conv4")
    # All kernels of the first tower, and so half of the maps.
    layer.biases[0].assign(tf.fill(layer.biases[0].shape, -1e6))
    after = diagnose(network, images)
    alive = before.dead_share["conv4"]
    assert after.dead_share["conv4"] == pytest.approx(0.5 + alive / 2, abs=0.1)
    assert after.dead_share["conv3"] == before.dead_share["conv3"]


def test_dead_layers_blame_the_learning_rate(network, images):
    layer = network.get_layer("conv4")
    for bias in layer.biases:
        bias.assign(tf.fill(bias.shape, -1e6))
    [advice] = diagnose(network, images).advice(lr=0.01)
    assert "conv4" in advice
    assert "--config.train.lr=0.001" in advice


def test_a_network_blind_to_the_image_blames_the_initial_weights(
    network, images
):
    for kernel in network.get_layer("fc6").kernels:
        kernel.assign(kernel * 1e-9)
    for bias in network.get_layer("fc6").biases:
        bias.assign(tf.ones(bias.shape))
    diagnosis = diagnose(network, images)
    assert diagnosis.image_dependence < 1e-5
    [advice] = diagnosis.advice(lr=0.01)
    assert "weight_std" in advice


def test_the_first_layer_that_overflows_is_named(network, images):
    assert first_not_finite(network, images) is None
    kernels = network.get_layer("conv3").kernels
    kernels[1].assign(tf.fill(kernels[1].shape, 1e38))
    assert first_not_finite(network, images) == "the output of conv3"
    kernels[1].assign(tf.fill(kernels[1].shape, np.nan))
    where = first_not_finite(network, images)
    assert where == "the weights of conv3, in the step before"


@pytest.mark.parametrize(
    ("steps", "updates", "window"),
    [(400, 18, 10), (400, 60, 30), (400, 5000, 400), (10, 60, 10)],
)
def test_the_window_of_the_alarm_fits_into_a_short_run(steps, updates, window):
    assert flat_loss_window(steps, updates) == window
    assert window <= max(updates, 10)
