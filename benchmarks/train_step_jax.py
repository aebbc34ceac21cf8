"""One training step of the usual Keras program on Keras' JAX backend.

The only module that Keras is imported from first, since it asks for its backend
once in a process.
"""

import importlib.metadata
import os
import time

os.environ["KERAS_BACKEND"] = "jax"

import numpy as np
from keras import ops

from benchmarks.train_step_keras import compiled


def banded_lrn(maps, towers=2):
    """LRN of each tower's maps: sums of squares as a product with a band."""
    place = np.arange(maps.shape[-1])
    tower = place // (len(place) // towers)
    near = abs(place[:, None] - place) <= 2
    band = 1e-4 * (near & (tower[:, None] == tower))
    root = ops.rsqrt(2 + ops.matmul(maps * maps, ops.cast(band, maps.dtype)))
    return maps * root * ops.sqrt(root)


def programs(batch_size, width=1.0, precision="float32"):
    """A step on one fixed batch of floats; train_on_batch returns its loss."""
    model = compiled(width, precision, banded_lrn)
    drawn = np.random.default_rng(0).random((batch_size, 224, 224, 3), "f")
    labels = np.arange(batch_size)
    batch = ops.convert_to_tensor(drawn * 255 - 128), labels

    def step():
        start = time.perf_counter()
        model.train_on_batch(*batch)
        return time.perf_counter() - start

    return {"keras_jax": step}


def facts():
    """The version."""
    return f"Keras on JAX {importlib.metadata.version('jax')}"
