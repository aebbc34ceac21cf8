"""Checkpoints of the 2012 code, written as its source code describes them.

No real one was at hand: what is tested is that description.
"""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.weights.cuda_convnet import is_checkpoint
from configs import caffe, original2012
from tests.weights import alexnet_files as files
from tests.weights import python2_pickle


def two_gpu_layers(weights, original=False):
    """The layers of two GPUs with the given weights.

    Those of Caffe's network or, if `original`, of configuration 145.

    Rows of a matrix are inputs, by map, row and column; with two inputs there
    are two matrices. fc2048bb takes its own tower first.
    """
    k = 2.0 if original else 1.0
    layers = {
        "data": {"type": "data", "name": "data"},
        "labels": {"type": "data", "name": "labels"},
    }

    def add(name, kind, *inputs, **values):
        layers[name] = {"name": name, "type": kind, "inputs": list(inputs)}
        layers[name].update(values)

    def conv(number, tower, *inputs):
        kernel, bias = weights[f"conv{number}"]
        half = len(bias) // 2
        own = slice(tower * half, (tower + 1) * half)
        kernel = kernel[own]
        parts = np.split(kernel, len(inputs), axis=1)
        matrices = [
            np.stack([k.ravel() for k in part], axis=1) for part in parts
        ]
        name = f"conv{number}{'ab'[tower]}"
        sizes = [kernel.shape[-1]] * len(inputs)
        add(
            name,
            "conv",
            *inputs,
            weights=matrices,
            weightsInc=[0 * m for m in matrices],
            biases=bias[own, None],
            filterSize=sizes,
        )
        return name

    def relu(below):
        name = f"{below}_neuron"
        add(name, "neuron", below, neuron={"type": "relu", "params": {}})
        return name

    def norm(number, tower, below):
        name = f"rnorm{number}{'ab'[tower]}"
        add(name, "cmrnorm", below, size=5, scale=2e-5, pow=0.75, minDiv=k)
        return name

    def norm_of_each_map(tower, below):
        name = f"rnorm2{'ab'[tower]}_map"
        add(name, "rnorm", below, size=5, scale=4e-5, pow=0.75, minDiv=1.0)
        return name

    def pool(number, tower, below):
        name = f"pool{number}{'ab'[tower]}"
        add(name, "pool", below, sizeX=3, stride=2)
        return name

    def fc(ours, name, tower, *inputs, swapped=False):
        kernel, bias = weights[ours]
        if tower is not None:
            half = len(bias) // 2
            own = slice(tower * half, (tower + 1) * half)
            kernel, bias = kernel[own], bias[own]
        matrices = np.split(kernel.T, len(inputs))
        if swapped:
            inputs, matrices = inputs[::-1], matrices[::-1]
        matrices = [np.asfortranarray(m) for m in matrices]
        add(name, "fc", *inputs, weights=matrices, biases=bias[None])
        return name if ours == "fc8" else relu(name)

    for tower in range(2):
        below = conv(1, tower, "data")
        if original:
            below = relu(pool(1, tower, norm(1, tower, below)))
        else:
            below = pool(1, tower, norm(1, tower, relu(below)))
        below = norm(2, tower, relu(conv(2, tower, below)))
        if original:
            below = norm_of_each_map(tower, below)
        pool(2, tower, below)
    for tower in range(2):
        below = relu(conv(3, tower, "pool2a", "pool2b"))
        below = relu(conv(4, tower, below))
        pool(3, tower, relu(conv(5, tower, below)))
    fc6 = [fc("fc6", f"fc2048{'ab'[t]}", t, "pool3a", "pool3b") for t in (0, 1)]

    def dropout(number, below):
        names = [f"hs{number}{letter}" for letter in "ab"]
        for name, neuron in zip(names, below, strict=True):
            add(name, "hs", neuron, keep=0.5, enable=1)
        return names

    hidden = dropout(1, fc6)
    fc7 = [
        fc("fc7", f"fc2048b{'ab'[t]}", t, *hidden, swapped=t == 1)
        for t in (0, 1)
    ]
    fc8 = fc("fc8", "fc1000", None, *dropout(2, fc7))
    add("probs", "softmax", fc8)
    add("logprob", "cost.logreg", "labels", "probs")
    return layers


def save(folder, layers):
    checkpoint = {"model_state": {"layers": layers, "epoch": 90}, "op": None}
    file = folder / "90.1536"
    file.write_bytes(python2_pickle.dumps(checkpoint))
    return file


@pytest.fixture
def layers(caffe_weights):
    return two_gpu_layers(caffe_weights)


def caffe_config_with_dropout_of_2012():
    config = caffe.get_config()
    config.model.width = files.WIDTH
    config.model.dropout_kind = "paper"
    config.data.name = "folder"
    return config


def test_the_network_is_that_of_the_same_weights(
    layers, caffe_weights, crops, imported, tmp_path
):
    config = caffe_config_with_dropout_of_2012()
    trained = imported(save(tmp_path, layers), config=config)
    npy = tmp_path / "same.npy"
    np.save(npy, files.npy_dict(caffe_weights))
    other = imported(npy, run=str(tmp_path / "npy"), config=config).network
    # Its colours are RGB, where the others' are BGR.
    for network, order in ((trained.network, 1), (other, -1)):
        for kernel in network.get_layer("conv1").kernels:
            kernel.assign(kernel.numpy()[:, :, ::order])
    np.testing.assert_array_equal(trained.network(crops), other(crops))


def test_the_networks_of_2012(caffe_weights, crops, imported, tmp_path):
    config = original2012.get_config()
    config.model.width = files.WIDTH
    config.data.name = "folder"
    mean = tmp_path / "mean.npy"
    np.save(mean, np.full(3, 120.0))
    kernel, bias = caffe_weights["fc8"]
    # Probabilities that differ with the image, halved inputs or not.
    caffe_weights = {**caffe_weights, "fc8": (40 * kernel, bias)}
    trained = imported(
        save(tmp_path, two_gpu_layers(caffe_weights, original=True)),
        config=config,
        mean_file=str(mean),
    )
    network = trained.network
    for tower in range(2):
        found = network.get_layer("conv4").kernels[tower].numpy()
        half = len(caffe_weights["conv4"][1]) // 2
        expected = caffe_weights["conv4"][0][tower * half :][:half]
        np.testing.assert_array_equal(found.transpose(3, 2, 0, 1), expected)
    # Its checkpoints have RGB, as has the network.
    [first, _] = network.get_layer("conv1").kernels
    expected = caffe_weights["conv1"][0][0]
    np.testing.assert_array_equal(first[..., 0], expected.transpose(1, 2, 0))
    images = crops[:, :224, :224]
    expected = probabilities_of_2012(caffe_weights, images)
    assert np.ptp(expected, axis=0).max() > 0.05
    found = tf.nn.softmax(network(images)).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def probabilities_of_2012(weights, images):
    """The test pass of configuration 145 in float64, maps first."""
    weights = {
        name: [array.astype(np.float64) for array in pair]
        for name, pair in weights.items()
    }

    def windows(x, size, stride):
        all_of_them = np.lib.stride_tricks.sliding_window_view(
            x, (size, size), axis=(2, 3)
        )
        return all_of_them[:, :, ::stride, ::stride]

    def conv(x, name, before, after, stride=1, groups=1):
        kernel, bias = weights[name]
        edge = (before, after)
        x = np.pad(x, [(0, 0), (0, 0), edge, edge])
        parts = [
            np.einsum(
                "bcyxij,kcij->bkyx",
                windows(part, kernel.shape[-1], stride),
                kernels,
                optimize=True,
            )
            for part, kernels in zip(
                np.split(x, groups, axis=1),
                np.split(kernel, groups),
                strict=True,
            )
        ]
        return np.concatenate(parts, axis=1) + bias[:, None, None]

    def relu(x):
        return np.maximum(x, 0)

    def pool(x):
        return windows(x, 3, 2).max(axis=(-2, -1))

    def lrn(x):
        towers = []
        for a in np.split(x, 2, axis=1):
            squares = np.pad(a**2, [(0, 0), (2, 2), (0, 0), (0, 0)])
            maps = a.shape[1]
            sums = sum(squares[:, j : j + maps] for j in range(5))
            towers.append(a / (2 + 2e-5 * sums) ** 0.75)
        return np.concatenate(towers, axis=1)

    def same_map(a):
        squares = np.pad(a**2, [(0, 0), (0, 0), (2, 2), (2, 2)])
        sums = windows(squares, 5, 1).sum(axis=(-2, -1))
        return a / (1 + 4e-5 * sums) ** 0.75

    def fc(x, name):
        kernel, bias = weights[name]
        return x @ kernel.T + bias

    x = images.transpose(0, 3, 1, 2) - 120.0
    x = relu(pool(lrn(conv(x, "conv1", 0, 3, stride=4))))
    x = pool(same_map(lrn(relu(conv(x, "conv2", 2, 2, groups=2)))))
    x = relu(conv(x, "conv3", 1, 1))
    x = relu(conv(x, "conv4", 1, 1, groups=2))
    x = pool(relu(conv(x, "conv5", 1, 1, groups=2)))
    x = 0.5 * relu(fc(x.reshape(len(x), -1), "fc6"))
    x = 0.5 * relu(fc(x, "fc7"))
    logits = fc(x, "fc8")
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "keep", "words"),
    [
        (
            "hs1a",
            0.8,
            "fc6 is fc, then relu, then times 0.8 in the file and fc, then "
            "relu, then times 0.5 in the network: change model.dropout",
        ),
        (
            "hs2a",
            None,
            "fc7 is fc, then relu in the file and fc, then relu, then times "
            "0.5 in the network: change model.dropout or model.dropout_kind",
        ),
    ],
)
def test_another_dropout(name, keep, words, caffe_weights, refused, tmp_path):
    layers = two_gpu_layers(caffe_weights, original=True)
    if keep is None:
        layers[name]["type"] = "ident"
    else:
        layers[name]["keep"] = keep
    config = original2012.get_config()
    config.model.width = files.WIDTH
    config.data.name = "folder"
    line = refused(save(tmp_path, layers), config=config)
    assert words in line


@pytest.mark.parametrize(
    ("name", "key", "value", "words"),
    [
        ("rnorm2a_map", "scale", 1e-3, "same_map_norm n=5 k=1 alpha=0.001"),
        ("pool2a", "sizeX", 2, "pool size=2"),
        ("fc2048a_neuron", "neuron", {"type": "abs"}, "abs, none of AlexNet's"),
        ("fc2048a_neuron", "neuron", {"type": "logistic"}, "sigmoid"),
    ],
)
def test_other_values_than_in_2012(
    name, key, value, words, caffe_weights, refused, tmp_path
):
    layers = two_gpu_layers(caffe_weights, original=True)
    layers[name][key] = value
    config = original2012.get_config()
    config.model.width = files.WIDTH
    config.data.name = "folder"
    line = refused(save(tmp_path, layers), config=config)
    assert words in line


def test_it_must_be_trusted(layers, refused, tmp_path):
    line = refused(save(tmp_path, layers), trust_pickle=False)
    assert "90.1536 is a Python pickle" in line


def test_other_constants_of_normalization(layers, refused, tmp_path):
    layers["rnorm1a"]["minDiv"] = 2.0
    line = refused(save(tmp_path, layers))
    assert "lrn n=5 k=2 alpha=2e-05" in line


def test_another_order_of_pooling_and_normalization(layers, refused, tmp_path):
    for tower in "ab":
        layers[f"pool1{tower}"]["inputs"] = [f"conv1{tower}_neuron"]
        layers[f"rnorm1{tower}"]["inputs"] = [f"pool1{tower}"]
        layers[f"conv2{tower}"]["inputs"] = [f"rnorm1{tower}"]
    line = refused(save(tmp_path, layers))
    assert "conv, then relu, then pool size=3 stride=2, then lrn n=5" in line


def test_a_missing_layer(layers, refused, tmp_path):
    for letter in "ab":
        del layers[f"conv4{letter}"]
        layers[f"conv4{letter}_neuron"]["inputs"] = [f"conv3{letter}_neuron"]
    assert "7 layers with weights" in refused(save(tmp_path, layers))


def test_biases_that_are_not_shared(layers, refused, tmp_path):
    biases = layers["conv5a"]["biases"]
    layers["conv5a"]["biases"] = np.repeat(biases, 169, axis=0)
    config = caffe_config_with_dropout_of_2012()
    line = refused(save(tmp_path, layers), config=config)
    assert "the bias of conv5 is" in line


@pytest.mark.parametrize(
    "value", [{}, {"model_state": 3}, {"model_state": {"layers": []}}, 3]
)
def test_another_pickle(value, refused, tmp_path):
    file = tmp_path / "1.1"
    file.write_bytes(python2_pickle.dumps(value))
    assert "1.1 cannot be read" in refused(file)


def test_inputs_that_go_round(layers, refused, tmp_path):
    layers["conv1a"]["inputs"] = ["probs"]
    assert "no checkpoint of cuda-convnet" in refused(save(tmp_path, layers))


def test_names_of_checkpoints():
    assert is_checkpoint("runs/ConvNet__2012-10-01/90.1536")
    assert not is_checkpoint("runs/90.1536.npy")
    assert not is_checkpoint("alexnet.90")
