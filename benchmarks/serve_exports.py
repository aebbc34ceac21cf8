"""Exports one network with random weights for every runtime."""

import json
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from alexnet_tf.network import build_network
from alexnet_tf.run.trained import TrainedNetwork
from alexnet_tf.weights.in_network import joined_weights
from alexnet_tf.weights.state_dict import to_state_dict
from configs import paper
from export.onnx_format import write_onnx
from export.signatures import Signatures
from export.writer import save

MODEL, BFLOAT16, STATE, CONFIG = "model", "bfloat16", "state.npz", "config.json"
JPEG, IMAGES = "image.jpg", "images.npy"
MOST_IMAGES = 16


def programs(folder, width, classes):
    """Writes everything; there is nothing to run afterwards."""
    folder = pathlib.Path(folder)
    config = paper.get_config().model
    config.width, config.num_classes = width, classes
    network = random_network(config)
    mean = network.get_layer("mean").mean
    weights = folder / "all.weights.h5"
    network.save_weights(weights)
    small = build_network(config, precision="bfloat16", trainable=False)
    small.load_weights(weights)

    names = tuple(f"class {i}" for i in range(classes))
    save(folder / MODEL, Signatures(network, config.crop, names))
    save(folder / BFLOAT16, Signatures(small, config.crop, names))
    write_onnx(folder, TrainedNetwork(network, config.crop, names))
    state: dict[str, Any] = to_state_dict(joined_weights(network), mean.numpy())
    np.savez(folder / STATE, **state)
    (folder / CONFIG).write_text(json.dumps({"model": config.to_dict()}))
    write_images(folder)
    return {}


def random_network(config):
    """A network with random weights that tells its classes apart.

    Args:
        config: its `model` section, whose deviations are changed.
    """
    # As the 2012 code's; with the paper's all classes are nearly alike.
    for layer in ("conv3", "conv4", "conv5"):
        config.weight_std[layer] = 0.03
    network = build_network(config, seed=1)
    mean = network.get_layer("mean").mean
    mean.assign(np.full(mean.shape, 118, np.float32))
    return network


def write_images(folder):
    """Smooth noise, which is JPEG's and a network's everyday fare."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (MOST_IMAGES, 16, 16, 3), np.uint8)
    smooth = tf.image.resize(coarse, (256, 256), "bicubic")
    images = tf.cast(tf.clip_by_value(smooth, 0, 255), tf.uint8)
    np.save(folder / IMAGES, images.numpy())
    jpeg = tf.io.encode_jpeg(images[0], quality=95)
    (folder / JPEG).write_bytes(jpeg.numpy())


def facts():
    """The version."""
    return f"TensorFlow {tf.__version__}"
