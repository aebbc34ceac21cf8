"""A large batch in parts, so that its activations are never held together."""

from collections.abc import Callable

import tensorflow as tf

# With 80 crops a CPU is as fast as with more, and activations take about 0.4
# GB.
IMAGES_AT_ONCE = 8


def in_parts(
    function: Callable[[tf.Tensor], tf.Tensor],
    rows: tf.Tensor,
    result: tf.TensorSpec,
) -> tf.Tensor:
    """`function(rows)`, computed for a few rows at a time.

    Args:
        function: maps rows to rows, each by itself.
        rows: tensor [B, ...], B at least 1.
        result: `tf.TensorSpec` [None, ...] of what it returns.

    Returns:
        A tensor [B, ...].
    """
    count = tf.shape(rows)[0]
    parts = tf.TensorArray(
        result.dtype,
        size=(count + IMAGES_AT_ONCE - 1) // IMAGES_AT_ONCE,
        infer_shape=False,
        element_shape=result.shape,
    )

    def compute(
        i: tf.Tensor, parts: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.TensorArray]:
        begin = i * IMAGES_AT_ONCE
        part = function(rows[begin : begin + IMAGES_AT_ONCE])
        return i + 1, parts.write(i, part)

    _, parts = tf.while_loop(
        lambda i, _: i * IMAGES_AT_ONCE < count,
        compute,
        [0, parts],
        parallel_iterations=1,
    )
    return tf.ensure_shape(parts.concat(), result.shape)
