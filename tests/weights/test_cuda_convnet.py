"""Checkpoints of the 2012 code, written as its source code describes them.

No real one was at hand: what is tested is that description.
"""

import numpy as np
import pytest

from alexnet_tf.weights.cuda_convnet import is_checkpoint
from tests.weights import alexnet_files as files
from tests.weights import python2_pickle


def two_gpu_layers(weights):
    """The layers of configuration 145 with the given weights.

    Rows of a matrix are inputs, by map, row and column; with two inputs there
    are two matrices. fc2048bb takes its own tower first.
    """
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
        add(f"{name}_neuron", "neuron", name)

    def norm(number, tower, below):
        name = f"rnorm{number}{'ab'[tower]}"
        values = {"size": 5, "scale": 2e-5, "pow": 0.75, "minDiv": 1.0}
        add(name, "cmrnorm", below, **values)
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
        add(f"{name}_neuron", "neuron", name)
        return f"{name}_neuron"

    for tower in range(2):
        letter = "ab"[tower]
        conv(1, tower, "data")
        below = pool(1, tower, norm(1, tower, f"conv1{letter}_neuron"))
        conv(2, tower, below)
        pool(2, tower, norm(2, tower, f"conv2{letter}_neuron"))
    for tower in range(2):
        letter = "ab"[tower]
        conv(3, tower, "pool2a", "pool2b")
        conv(4, tower, f"conv3{letter}_neuron")
        conv(5, tower, f"conv4{letter}_neuron")
        pool(3, tower, f"conv5{letter}_neuron")
    fc6 = [fc("fc6", f"fc2048{'ab'[t]}", t, "pool3a", "pool3b") for t in (0, 1)]
    hidden = [f"hs1{letter}" for letter in "ab"]
    for name, below in zip(hidden, fc6, strict=True):
        add(name, "hs", below, keep=0.5)
    fc7 = [
        fc("fc7", f"fc2048b{'ab'[t]}", t, *hidden, swapped=t == 1)
        for t in (0, 1)
    ]
    fc8 = fc("fc8", "fc1000", None, *fc7)
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


def test_the_network_is_that_of_the_same_weights(
    layers, caffe_weights, crops, imported, tmp_path
):
    trained = imported(save(tmp_path, layers))
    npy = tmp_path / "same.npy"
    np.save(npy, files.npy_dict(caffe_weights))
    other = imported(npy, run=str(tmp_path / "npy")).network
    # Its colours are RGB, where the others' are BGR.
    for network, order in ((trained.network, 1), (other, -1)):
        for kernel in network.get_layer("conv1").kernels:
            kernel.assign(kernel.numpy()[:, :, ::order])
    np.testing.assert_array_equal(trained.network(crops), other(crops))


def test_it_must_be_trusted(layers, refused, tmp_path):
    line = refused(save(tmp_path, layers), trust_pickle=False)
    assert "90.1536 is a Python pickle" in line


def test_other_constants_of_normalization(layers, refused, tmp_path):
    layers["rnorm1a"]["minDiv"] = 2.0
    line = refused(save(tmp_path, layers))
    assert "LRN has n=5 k=2 alpha=2e-05" in line


def test_another_order_of_pooling_and_normalization(layers, refused, tmp_path):
    layers["pool1a"]["inputs"] = ["conv1a_neuron"]
    layers["rnorm1a"]["inputs"] = ["pool1a"]
    layers["conv2a"]["inputs"] = ["rnorm1a"]
    line = refused(save(tmp_path, layers))
    assert "rnorm1a normalizes what is pooled already" in line


def test_a_missing_layer(layers, refused, tmp_path):
    for letter in "ab":
        del layers[f"conv4{letter}"]
        layers[f"conv4{letter}_neuron"]["inputs"] = [f"conv3{letter}_neuron"]
    assert "7 layers with weights" in refused(save(tmp_path, layers))


def test_biases_that_are_not_shared(layers, refused, tmp_path):
    biases = layers["conv5a"]["biases"]
    layers["conv5a"]["biases"] = np.repeat(biases, 169, axis=0)
    assert "the bias of conv5 is" in refused(save(tmp_path, layers))


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
