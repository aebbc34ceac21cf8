"""The vectors that images are compared by (section 6.1)."""

import keras
import tensorflow as tf

from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.preprocess import RECORD_SIZE


class Fc7:
    """The activations of the last hidden layer for the centre crop.

    After the ReLU, without dropout and lighting.

    Args:
        trained: a `TrainedNetwork`.

    Attributes:
        dimensions: length of a vector, 4096 in the paper.
    """

    def __init__(self, trained):
        towers = trained.network.get_layer("fc7").tower_outputs
        joined = towers[0]
        if len(towers) > 1:
            joined = keras.layers.Concatenate(dtype="float32")(towers)
        network = keras.Model(trained.network.inputs, joined)
        self.dimensions = joined.shape[-1]
        records_spec = tf.TensorSpec(
            [None, RECORD_SIZE, RECORD_SIZE, 3], tf.uint8
        )

        @tf.function(input_signature=[records_spec])
        def vectors_of(records):
            crops = centre_crop(records, trained.crop)
            return tf.cast(network(crops, training=False), tf.float32)

        self._vectors_of = vectors_of

    def __call__(self, records):
        """uint8 [B, 256, 256, 3] to a float32 array [B, dimensions]."""
        return self._vectors_of(records).numpy()
