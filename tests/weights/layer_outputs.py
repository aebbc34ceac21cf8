"""Outputs of a network, layer by layer, in Caffe's layout."""

import keras
import numpy as np
import tensorflow as tf

# Ours and Caffe's name of what lies between two layers.
BLOBS = {
    "conv1": "relu1",
    "lrn1": "norm1",
    "pool1": "pool1",
    "conv2": "relu2",
    "lrn2": "norm2",
    "pool2": "pool2",
    "conv3": "relu3",
    "conv4": "relu4",
    "conv5": "relu5",
    "pool5": "pool5",
    "fc6": "relu6",
    "fc7": "relu7",
    "fc8": "fc8",
}


def layer_outputs(network, images):
    """{layer: array}, maps first, and the probabilities as "prob"."""
    outputs = {name: network.get_layer(name).tower_outputs for name in BLOBS}
    values = keras.Model(network.input, outputs)(images)
    found = {}
    for name, towers in values.items():
        joined = np.concatenate([np.asarray(t) for t in towers], axis=-1)
        found[name] = np.moveaxis(joined, -1, 1)
    found["prob"] = tf.nn.softmax(found["fc8"]).numpy()
    return found


def assert_same_outputs(ours, theirs):
    """Every layer within 1e-4 of its largest value, and none trivial.

    Args:
        ours: of `layer_outputs`.
        theirs: {layer: array} of another program.
    """
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        largest = np.abs(expected).max()
        assert np.abs(ours[name] - expected).max() <= 1e-4 * largest, name
        # What hardly depends on the image would prove little.
        assert np.ptp(expected, axis=0).max() > 0.05 * largest, name
