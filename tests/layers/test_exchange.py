"""What crosses between towers in 16 bits, forward and backward."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.towers import placement, resolve_tower_devices

ROWS, INPUTS, UNITS = 3, 5, 4
PINS = pytest.mark.parametrize("devices", ["none", "CPU:1,CPU:2"])


def exact(random, shape):
    """Numbers whose products float32 holds exactly, and float16 does not."""
    return (random.integers(-4000, 4000, shape) / 2048).astype(np.float32)


def half(x):
    return np.asarray(x, np.float16).astype(float)


def run(layer, inputs, upstream):
    """(outputs, gradients of the inputs)."""
    tensors = [tf.convert_to_tensor(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs = layer(tensors)
    return outputs, tape.gradient(outputs, tensors, list(upstream))


@PINS
@pytest.mark.parametrize("towers", [2, 1])
def test_a_fully_connected_layer(towers, devices):
    """With one tower, the first reads what the second sends, as fc8 does."""
    random = np.random.default_rng(0)
    inputs = exact(random, (2, ROWS, INPUTS))
    kernels = np.round(exact(random, (towers, 2, INPUTS, UNITS)) * 4) / 4
    upstream = np.round(exact(random, (towers, ROWS, UNITS)) * 8) / 8
    with placement(resolve_tower_devices(devices)):
        layer = TowerDense(
            UNITS * towers,
            towers=towers,
            exchange=True,
            exchange_precision="float16",
            activation=None,
        )
        layer.build([(ROWS, INPUTS)] * 2)
    for variable, kernel in zip(layer.kernels, kernels, strict=True):
        variable.assign(kernel.reshape(2 * INPUTS, UNITS))
    outputs, gradients = run(layer, inputs, upstream)
    assert np.any(half(inputs) != inputs)
    expected_gradients = np.zeros(inputs.shape)
    for tower in range(towers):
        expected = np.zeros((ROWS, UNITS))
        for sender in range(2):
            seen = inputs[sender].astype(float)
            back = upstream[tower].astype(float) @ kernels[tower, sender].T
            if sender != tower:
                seen = half(seen)
                back = half(back * ROWS) / ROWS  # a mean's, as a sum's
            expected += seen @ kernels[tower, sender]
            expected_gradients[sender] += back
        np.testing.assert_allclose(outputs[tower], expected, atol=2e-6)
    np.testing.assert_allclose(gradients, expected_gradients, atol=2e-6)


@PINS
def test_a_convolution(devices):
    random = np.random.default_rng(1)
    inputs = exact(random, (2, ROWS, 4, 4, 2))
    with placement(resolve_tower_devices(devices)):
        full, rounded = (
            TowerConv2D(
                4,
                3,
                exchange=True,
                exchange_precision=precision,
                activation=None,
                weight_std=1.0,
            )
            for precision in ("full", "float16")
        )
        rounded.build([inputs[0].shape] * 2)
        full.build([inputs[0].shape] * 2)
    ours = rounded([tf.convert_to_tensor(x) for x in inputs])
    for tower in range(2):
        seen = [half(x).astype(np.float32) for x in inputs]
        seen[tower] = inputs[tower]
        theirs = full([tf.convert_to_tensor(x) for x in seen])
        np.testing.assert_allclose(ours[tower], theirs[tower], atol=1e-5)
        assert np.abs(ours[tower] - full(list(inputs))[tower]).max() > 1e-4


def test_gradients_too_small_for_float16_arrive():
    """A mean over many images: without the factor they would all be 0."""
    layer = TowerDense(
        2, exchange=True, exchange_precision="float16", activation=None
    )
    rows = 4096
    inputs = np.ones((2, rows, 1), np.float32)
    layer.build([inputs[0].shape] * 2)
    for kernel in layer.kernels:
        kernel.assign([[1e-4], [1e-4]])
    small = np.full((2, rows, 1), 1 / rows, np.float32)
    _, gradients = run(layer, inputs, small)
    assert np.float16(1e-4 / rows) == 0
    np.testing.assert_allclose(
        gradients, np.full_like(small, 2e-4 / rows), 1e-3
    )


def test_frozen_layers_below_need_no_gradient():
    """What is read by one layer alone has one gradient, not two."""
    layer = TowerDense(3, towers=1, exchange=True, exchange_precision="float16")
    inputs = [tf.ones((2, 4)), tf.ones((2, 4))]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(inputs))
    assert all(
        g is not None for g in tape.gradient(total, layer.trainable_variables)
    )


@pytest.mark.parametrize(
    ("units", "towers", "sizes"),
    [(21_843, 2, [10_921, 10_922]), (4096, 2, [2048, 2048]), (7, 3, [2, 2, 3])],
)
def test_units_are_divided_over_the_towers(units, towers, sizes):
    layer = TowerDense(units, towers=towers)
    assert [layer.units_of(tower) for tower in range(towers)] == sizes
    outputs = layer([tf.ones((1, 2))] * towers)
    assert [output.shape[1] for output in outputs] == sizes
