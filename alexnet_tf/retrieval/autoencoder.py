"""From vectors to short binary codes: the auto-encoder of section 6.1.

The paper proposes it and leaves it at that. Ours follows "Semantic Hashing"
(Salakhutdinov and Hinton 2009): noise in front of the sigmoids in the middle
teaches them to stay near 0 and 1, so that little is lost when they become
bits.
"""

import dataclasses

import keras
import tensorflow as tf

from alexnet_tf.layers.draws import add_draws


@dataclasses.dataclass(frozen=True)
class Autoencoder:
    """Both halves as one network, and the first alone.

    Attributes:
        network: from vectors [B, D] to their reconstructions [B, D].
        encoder: from vectors [B, D] to bits [B, bits], 0.0 or 1.0, when it
            is not training.
        standardization: its first layer, which needs the vectors' mean.
    """

    network: keras.Model
    encoder: keras.Model
    standardization: "Standardization"


def build_autoencoder(dimensions, bits, hidden, noise, seed):
    """Builds D -> hidden -> bits -> hidden -> D.

    Args:
        dimensions: D.
        bits: length of a code.
        hidden: neurons between vector and code, and between code and vector.
        noise: standard deviation; see `NoisyBits`.
        seed: integer; initial weights and noise follow from it.

    Returns:
        An `Autoencoder`.
    """
    units = (hidden, bits, hidden, dimensions)
    outward, code, inward, output = (
        keras.layers.Dense(
            count,
            kernel_initializer=keras.initializers.GlorotUniform(
                seed=len(units) * seed + i
            ),
            dtype="float32",
            name=name,
        )
        for i, (count, name) in enumerate(
            zip(units, ("outward", "code", "inward", "output"), strict=True)
        )
    )
    standardization = Standardization(dtype="float32", name="standardization")
    vector = keras.Input((dimensions,), dtype="float32", name="vector")
    x = keras.ops.relu(outward(standardization(vector)))
    bit = NoisyBits(noise, seed, dtype="float32", name="bits")(code(x))
    x = keras.ops.relu(inward(2 * bit - 1))
    reconstruction = standardization.undo(output(x))
    return Autoencoder(
        keras.Model(vector, reconstruction),
        keras.Model(vector, bit),
        standardization,
    )


class NoisyBits(keras.layers.Layer):
    """sigmoid(x + noise) in training, 1 where x > 0 and 0 elsewhere after.

    Args:
        noise: standard deviation of the normal noise.
        seed: integer; see `Draws`.
    """

    def __init__(self, noise, seed, **kwargs):
        super().__init__(**kwargs)
        self._noise = noise
        self._seed = seed

    def build(self, input_shape):
        self._draws = add_draws(self, self._seed)

    def call(self, x, training=False):
        if training:
            normal = self._draws.normal([tf.shape(x)[0], *x.shape[1:]])
            return tf.sigmoid(x + self._noise * normal)
        return tf.cast(x > 0, x.dtype)


class Standardization(keras.layers.Layer):
    """(x - mean) / deviation: a mean for each dimension, one deviation.

    One deviation for all leaves the ratios of distances as they were.
    """

    def build(self, input_shape):
        self.mean = self.add_weight(
            name="mean",
            shape=input_shape[1:],
            initializer="zeros",
            trainable=False,
        )
        self.deviation = self.add_weight(
            name="deviation", shape=(), initializer="ones", trainable=False
        )

    def call(self, x):
        return (x - self.mean) / self.deviation

    def undo(self, x):
        """The vectors that `call` would turn into `x`."""
        return _Undone(self, dtype="float32", name="vector_again")(x)


class _Undone(keras.layers.Layer):
    def __init__(self, standardization, **kwargs):
        super().__init__(**kwargs)
        self._standardization = standardization

    def call(self, x):
        return x * self._standardization.deviation + self._standardization.mean
