"""The four-layer networks: sizes, and values against float64 NumPy."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from ml_collections import ConfigDict
from numpy.lib.stride_tricks import sliding_window_view

from alexnet_tf.cifar_network import cifar_network, layer_names
from configs.cifar.network import Network


def values_of(**changes):
    return ConfigDict(dataclasses.asdict(Network(**changes)))


def windows(maps, size, edge, fill=0.0):
    """[B, H', W', size, size, C]."""
    around = np.pad(maps, [(0, 0), edge, edge, (0, 0)], constant_values=fill)
    seen = sliding_window_view(around, (size, size), axis=(1, 2))
    return np.moveaxis(seen, 3, -1)


def convolved(maps, kernel, bias):
    return np.tensordot(windows(maps, 5, (2, 2)), kernel, 3) + bias


def locally_connected(maps, kernel, bias):
    seen = windows(maps, 3, (1, 1))
    images, height, width = seen.shape[:3]
    rows = seen.reshape(images, height * width, -1)
    sums = np.einsum("bpk,pkf->bpf", rows, kernel).reshape(images, -1) + bias
    return sums.reshape(images, height, width, -1)


def max_pooled(maps):
    return windows(maps, 3, (0, 1), -math.inf)[:, ::2, ::2].max((3, 4))


def mean_pooled(maps):
    return np.nanmean(windows(maps, 3, (0, 1), math.nan)[:, ::2, ::2], (3, 4))


def normalized(maps):
    squares = np.pad(maps**2, [(0, 0)] * 3 + [(4, 4)])
    sums = sliding_window_view(squares, 9, axis=-1).sum(-1)
    return maps / (1 + 0.001 / 9 * sums) ** 0.75


def by_numpy(network, images, kind, lrn, activate):
    weights = {
        layer.name: [np.float64(w) for w in layer.get_weights()]
        for layer in network.layers
        if layer.weights
    }
    norm = normalized if lrn else lambda maps: maps
    x = (images - weights["mean"][0]) / 64
    x = norm(max_pooled(activate(convolved(x, *weights["conv1"]))))
    x = activate(convolved(x, *weights["conv2"]))
    if kind == "conv_local":
        x = max_pooled(norm(x))
        for layer in ("local3", "local4"):
            x = activate(locally_connected(x, *weights[layer]))
    else:
        x = activate(convolved(mean_pooled(x), *weights["conv3"]))
        x = mean_pooled(x)
    x = x.reshape(len(x), -1)
    if "fc" in weights:
        x = activate(x @ weights["fc"][0] + weights["fc"][1])
    return x @ weights["softmax"][0] + weights["softmax"][1]


def relu(x):
    return np.maximum(x, 0)


def tanh_of_lecun(x):
    return 1.7159 * np.tanh(0.6667 * x)


@pytest.mark.parametrize(
    ("kind", "changes", "activation", "function"),
    [
        ("conv_local", {}, "relu", relu),
        ("conv_local", {"lrn": True}, "relu", relu),
        (
            "conv_local",
            {"tanh": (1.7159, 0.6667)},
            "tanh",
            tanh_of_lecun,
        ),
        ("conv", {"neurons": 6}, "relu", relu),
        ("conv", {}, "tanh", np.tanh),
    ],
)
def test_logits_are_those_of_numpy(kind, changes, activation, function):
    kernels = (5, 12, 4, 3) if kind == "conv_local" else (5, 6, 4)
    values = values_of(
        kind=kind, kernels=kernels, weight_std=(), pixel_scale=64.0, **changes
    )
    network = cifar_network(
        values, (16, 8, 3), 7, activation=activation, seed=2
    )
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (3, 16, 8, 3), dtype=np.uint8)
    network.get_layer("mean").set_mean(np.full((16, 8, 3), 120.0, np.float32))
    for layer in network.layers:
        if layer.weights and layer.name != "mean":
            kernel, bias = layer.get_weights()
            # LRN and tanh are to be seen: signals are made larger.
            layer.set_weights([2 * kernel, random.normal(size=bias.shape)])
    expected = by_numpy(
        network, images, kind, changes.get("lrn", False), function
    )
    # float32 has 24 bits; sums are of some hundred terms.
    np.testing.assert_allclose(
        network(images), expected, atol=1e-4 * np.abs(expected).max()
    )


def test_sizes_of_13pct():
    network = cifar_network(values_of(), (24, 24, 3), 10)
    sizes = {
        layer.name: layer.count_params()
        for layer in network.layers
        if layer.trainable_variables
    }
    assert sizes == {
        "conv1": 75 * 64 + 64,
        "conv2": 1600 * 64 + 64,
        "local3": 36 * (576 * 32 + 32),
        "local4": 36 * (288 * 32 + 32),
        "softmax": 36 * 32 * 10 + 10,
    }


def test_initial_weights_have_the_deviations_of_2012():
    values = values_of()
    network = cifar_network(values, (24, 24, 3), 10, seed=4)
    for name, std in zip(layer_names(values), values.weight_std, strict=True):
        kernel, bias = network.get_layer(name).get_weights()
        assert np.std(kernel) == pytest.approx(std, rel=6 / kernel.size**0.5)
        assert not np.any(bias)


def test_pixels_over_64_slow_conv1_down_4096_times():
    """The same outputs, weights 64 times as large, steps a 64th: 64^2."""
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    raw = {"kernels": (4, 4, 4, 4), "weight_std": (2e-3, 0.3, 0.4, 0.4, 0.3)}
    over_64 = {
        **raw,
        "pixel_scale": 64.0,
        "weight_std": (64 * 2e-3, *raw["weight_std"][1:]),
    }
    outputs, weights, gradients = [], [], []
    for changes in (raw, over_64):
        network = cifar_network(values_of(**changes), (8, 8, 3), 10, seed=1)
        variables = network.trainable_variables
        with tf.GradientTape() as tape:
            logits = network(images)
            loss = tf.reduce_sum(logits**2)
        outputs.append(logits.numpy())
        weights.append(variables[0].numpy())
        gradients.append(tape.gradient(loss, variables))
    assert np.abs(outputs[0]).max() > 0
    np.testing.assert_allclose(
        outputs[1], outputs[0], rtol=1e-4, atol=1e-6 * np.abs(outputs[0]).max()
    )
    moved = [
        np.linalg.norm(of_conv1) / np.linalg.norm(kernel)
        for (of_conv1, *_), kernel in zip(gradients, weights, strict=True)
    ]
    assert moved[0] / moved[1] == pytest.approx(4096, rel=1e-3)
    for one, other in zip(gradients[0][2:], gradients[1][2:], strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3)
