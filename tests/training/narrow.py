"""A narrow network whose layers all learn, and steps on random images."""

import numpy as np
import tensorflow as tf

from alexnet_tf.layers.towers import placement, resolve_tower_devices
from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.trainer import Trainer
from configs import paper

CLASSES = 10
LR = 0.005


def narrow_network(precision="float32", devices="none", pool_size=3):
    """1/16 of the width, dropout and lighting on; every layer has a signal."""
    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = CLASSES
    model.pool_size = pool_size
    for name in model.weight_std:
        model.weight_std[name] = 0.01 if name == "conv1" else 0.05
    # Dropout halves what fc7 and fc8 read.
    model.weight_std.fc7 = model.weight_std.fc8 = 0.1
    with placement(resolve_tower_devices(devices)):
        network = build_network(model, precision=precision)
    random = np.random.default_rng(3)
    network.get_layer("mean").set_mean(random.uniform(90, 140, (256, 256, 3)))
    vectors = np.linalg.qr(random.normal(size=(3, 3)))[0]
    # About 30 grey levels, so that another image's offset would be seen.
    network.get_layer("lighting").set_principal_components(
        vectors, np.array([8e4, 4e4, 2e4])
    )
    return network


def narrow_trainer(precision="float32", devices="none", pool_size=3, **options):
    """A `Trainer` of a `narrow_network`."""
    network = narrow_network(precision, devices, pool_size)
    return Trainer(network, PaperSGD(LR), **options)


def random_batches(steps, size):
    """uint8 images [steps, size, 224, 224, 3] and their labels."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (steps, size, 224, 224, 3), np.uint8)
    return images, random.integers(0, CLASSES, (steps, size))


def fit(trainer, batches, **options):
    """Takes a step on each batch; returns the history's values."""
    steps = tf.data.Dataset.from_tensor_slices(batches)
    history = trainer.fit(steps, shuffle=False, verbose=0, **options)
    return {name: values[-1] for name, values in history.history.items()}


def weights(trainer):
    """{path: array} of the trainable variables."""
    return {v.path: v.numpy() for v in trainer.network.trainable_variables}


def largest_difference(ours, theirs):
    """Over all arrays of two dicts with the same keys."""
    assert ours.keys() == theirs.keys()
    return max(np.abs(ours[path] - theirs[path]).max() for path in ours)
