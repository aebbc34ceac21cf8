"""The vectors that images are compared by (section 6.1)."""

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.network import fc7_network


class Fc7:
    """The activations of the last hidden layer for the central crop.

    Both towers' halves after the ReLU, without dropout and lighting.

    Args:
        network: from uint8 crops to logits.
        crop: side of the central crop that it sees, in pixels.

    Attributes:
        dimensions: length of a vector, 4096 in the paper.
    """

    def __init__(self, network: keras.Model, crop: int) -> None:
        probe = fc7_network(network)
        self.dimensions = probe.output.shape[-1]
        spec = tf.TensorSpec([None, RECORD_SIZE, RECORD_SIZE, 3], tf.uint8)

        @tf.function(input_signature=[spec])
        def vectors_of(records: tf.Tensor) -> tf.Tensor:
            crops = centre_crop(records, crop)
            return tf.cast(probe(crops, training=False), tf.float32)

        self._vectors_of = vectors_of

    def __call__(self, records: np.ndarray | tf.Tensor) -> np.ndarray:
        """uint8 [B, 256, 256, 3] to a float32 array [B, dimensions]."""
        # The type is given, since a list of uint8 arrays would become int32.
        records = tf.convert_to_tensor(records, tf.uint8)
        return self._vectors_of(records).numpy()
