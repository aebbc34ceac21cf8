"""Random numbers that a checkpoint brings back."""

import contextlib
import dataclasses
import math
import threading
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf

_process = threading.local()


@dataclasses.dataclass(frozen=True)
class Share:
    """Rows first, first + step, ... of a batch that is computed in parts.

    Attributes:
        first: integer or int32 scalar.
        step: integer.
        total: number of rows of the whole batch, an integer or int32 scalar.
    """

    first: tf.Tensor | int
    step: int
    total: tf.Tensor | int


@contextlib.contextmanager
def drawing_for(share: Share) -> Iterator[None]:
    """Layers called inside draw for the whole batch and keep their rows.

    So the parts of a batch, one after the other or in several processes, get
    the numbers that the batch would get at once. The sequences stand still
    meanwhile: `Draws.advance` is for the caller.

    Args:
        share: a `Share`: which rows the layers are called with.
    """
    previous = getattr(_process, "share", None)
    _process.share = share
    try:
        yield
    finally:
        _process.share = previous


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

    def __init__(
        self, index: keras.Variable, seed: int, stream: int = 0
    ) -> None:
        self._index = index
        # Any odd constant does: it keeps (seed, stream) pairs apart.
        self._key = seed * 1_000_003 + stream

    def uniform(self, shape: Sequence[int | tf.Tensor]) -> tf.Tensor:
        """Uniform in [0, 1), float32, one row for each of the batch."""
        return self._draw(uniform, shape)

    def normal(self, shape: Sequence[int | tf.Tensor]) -> tf.Tensor:
        """Standard normal, float32, one row for each of the batch."""
        return self._draw(normal, shape)

    def advance(self) -> None:
        """Goes on to the next tensor of the sequence."""
        with tf.device(self._index.value.device):
            self._index.assign_add(1)

    def _draw(
        self,
        distribution: Callable[..., tf.Tensor],
        shape: Sequence[int | tf.Tensor],
    ) -> tf.Tensor:
        share = getattr(_process, "share", None)
        rows = shape[0] if share is None else share.total
        seed = tf.stack([tf.constant(self._key, tf.int64), self._index.value])
        drawn = distribution([rows, *shape[1:]], seed)
        if share is None:
            self.advance()
            return drawn
        return tf.gather(drawn, share.first + share.step * tf.range(shape[0]))


def uniform(shape: Sequence[int | tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
    """`tf.random.stateless_uniform`, whose numbers are others under XLA.

    There the same random bits are turned into floats in another way.
    """
    bits = tf.random.stateless_uniform(
        shape, seed, None, None, tf.uint32, alg="philox"
    )
    mantissa = tf.cast(bits & tf.constant(2**23 - 1, tf.uint32), tf.float32)
    return mantissa * 2.0**-23


def normal(shape: Sequence[int | tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
    """`tf.random.stateless_normal`, likewise, by the Box-Muller transform."""
    count = tf.reduce_prod(shape)
    radius, angle = tf.unstack(uniform([(count + 1) // 2, 2], seed), axis=1)
    radius = tf.sqrt(-2 * tf.math.log(tf.maximum(radius, 1e-7)))
    angle = 2 * math.pi * angle
    pairs = [radius * tf.sin(angle), radius * tf.cos(angle)]
    return tf.reshape(tf.reshape(tf.stack(pairs, axis=1), [-1])[:count], shape)


def add_draws(layer: keras.Layer, seed: int, stream: int = 0) -> Draws:
    """Gives `layer` a `Draws`; call it from the layer's `build`."""
    index = layer.add_weight(
        name=f"draws_{stream}",
        shape=(),
        dtype="int64",
        initializer="zeros",
        trainable=False,
    )
    return Draws(index, seed, stream)


def draws_of(network: keras.Model) -> list[Draws]:
    """Every `Draws` of a network; its layers keep them in `draws`."""
    return [
        draws
        for layer in network.layers
        for draws in getattr(layer, "draws", ())
    ]
