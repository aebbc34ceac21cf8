"""Random numbers that a checkpoint brings back."""

import tensorflow as tf


class Draws:
    """A sequence of random tensors, a pure function of (seed, stream, index).

    The index is a weight of the layer that draws, so weight files hold it and
    a resumed run draws what an uninterrupted one would have drawn. Keras' own
    `SeedGenerator` is saved in no checkpoint format.

    Args:
        index: an int64 scalar weight, not trainable, initially 0.
        seed: integer.
        stream: integer that tells sequences of one seed apart.
    """

    def __init__(self, index, seed, stream=0):
        self._index = index
        # Any odd constant: it keeps (seed, stream) pairs apart.
        self._key = seed * 1_000_003 + stream

    def _next_seed(self):
        seed = tf.stack([tf.constant(self._key, tf.int64), self._index.value])
        self._index.assign(self._index.value + 1)
        return seed

    def uniform(self, shape, dtype):
        """Uniform in [0, 1), of the given shape and float dtype."""
        return tf.random.stateless_uniform(
            shape, self._next_seed(), dtype=dtype, alg="philox"
        )

    def normal(self, shape):
        """Standard normal float32 of the given shape."""
        return tf.random.stateless_normal(
            shape, self._next_seed(), alg="philox"
        )


def add_draws(layer, seed, stream=0):
    """Gives `layer` a `Draws`; call it from the layer's `build`."""
    index = layer.add_weight(
        name=f"draws_{stream}",
        shape=(),
        dtype="int64",
        initializer="zeros",
        trainable=False,
    )
    return Draws(index, seed, stream)
