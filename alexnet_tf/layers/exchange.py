"""What crosses from tower to tower, and how its gradient comes back.

As it is, or as 16-bit floats (experiment 170-quant): the 2012 code rounded to
float16 on the GPU that sends and back to float32 on the one that receives,
activations and their gradients. Its gradients were sums over the batch where
ours are means, which float16 would often round to 0; so they cross multiplied
by the number of images.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from alexnet_tf.layers.gradients import gradient_scope
from alexnet_tf.layers.towers import run_on


def shared(
    device: str | None, activations: tf.Tensor, count: int
) -> list[tf.Tensor]:
    """What a tower shows to all.

    Args:
        device: of the tower; None where TensorFlow chooses.
        activations: [B, ...].
        count: number of towers that see them.

    Returns:
        The activations for each. Their gradients are added up on `device`:
        TensorFlow itself would send them to the default one and back.
    """
    if device is None or count == 1:
        return [activations] * count

    @tf.custom_gradient
    def copies(x: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        named = gradient_scope()

        def gradient(*upstream: tf.Tensor) -> tf.Tensor:
            with tf.device(device), named():
                return tf.add_n(upstream)

        return [tf.identity(x) for _ in range(count)], gradient

    with tf.device(device):
        return copies(activations)


def sent(
    device: str | None, activations: tf.Tensor, kept: bool = True
) -> tuple[tf.Tensor | None, tf.Tensor]:
    """What stays with the tower that sends, and what crosses.

    Args:
        device: of the tower that sends; None where TensorFlow chooses.
        activations: [B, ...].
        kept: whether the tower goes on with them itself.

    Returns:
        The activations, None if not `kept`, and the same in float16. Both
        gradients are added up on `device`: TensorFlow itself would do it on
        the default one.
    """
    if not kept:
        return None, run_on(device, _to_float16, activations)

    @tf.custom_gradient
    def both(x: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable]:
        named = gradient_scope()

        def gradient(of_kept: tf.Tensor, of_sent: tf.Tensor) -> tf.Tensor:
            with tf.device(device), named():
                return of_kept + _received_gradient(of_sent, of_kept.dtype)

        return (tf.identity(x), tf.cast(x, tf.float16)), gradient

    with tf.device(device):
        return both(activations)


def received(
    device: str | None, half: tf.Tensor, dtype: str | tf.DType
) -> tf.Tensor:
    """What another tower has `sent`, on the device of the one that reads it.

    Args:
        device: of the tower that reads; None where TensorFlow chooses.
        half: float16 [B, ...].
        dtype: of the result.
    """

    @tf.custom_gradient
    def widened(half: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        named = gradient_scope()

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            with named():
                rows = tf.cast(tf.shape(upstream)[0], tf.float32)
                sums = tf.cast(upstream, tf.float32) * rows
                return tf.cast(sums, tf.float16)

        return tf.cast(half, dtype), gradient

    return run_on(device, widened, half)


@tf.custom_gradient
def _to_float16(x: tf.Tensor) -> Any:
    named = gradient_scope()

    def gradient(of_sent: tf.Tensor) -> tf.Tensor:
        with named():
            return _received_gradient(of_sent, x.dtype)

    return tf.cast(x, tf.float16), gradient


def _received_gradient(half: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The gradient of a mean over the batch again."""
    rows = tf.cast(tf.shape(half)[0], tf.float32)
    return tf.cast(tf.cast(half, tf.float32) / rows, dtype)
