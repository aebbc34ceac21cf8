"""Gradients that are written out, each with its reason, and their names.

LRN's, which shares its sums with the forward pass, is in `normalization`.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def gradient_scope() -> Callable[[], contextlib.AbstractContextManager]:
    """Name scope for the gradient of what runs now.

    TensorFlow names the gradients that it derives after the operation they are
    of, and leaves those of `tf.custom_gradient` without their layer's name:
    nobody could find them in a profile.

    Returns:
        A function without arguments, to be called in the gradient function,
        that returns the context manager.
    """
    scope = tf.get_current_name_scope()
    name = f"gradient_tape/{scope}/" if scope else "gradient_tape/"
    return lambda: tf.name_scope(name)


@tf.custom_gradient
def add_bias(maps: tf.Tensor, bias: tf.Tensor) -> Any:
    """`tf.nn.bias_add`, whose bias gradient is a product with ones.

    TensorFlow's own is merged into the gradient of a convolution's kernels on a
    CPU, which then takes up to a third longer than both by themselves.

    Args:
        maps: [..., C].
        bias: [C].

    Returns:
        A tensor like `maps`.
    """

    named = gradient_scope()

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with named():
            rows = tf.reshape(upstream, [-1, bias.shape[0]])
            ones = tf.ones([1, tf.shape(rows)[0]], rows.dtype)
            return upstream, tf.matmul(ones, rows)[0]

    return tf.nn.bias_add(maps, bias), gradient


@tf.custom_gradient
def product(rows: tf.Tensor, kernel: tf.Tensor) -> Any:
    """The matrix product rows x kernel, with another way to the rows' gradient.

    TensorFlow multiplies by the transposed kernel, which a CPU transposes in
    memory first: at 32 rows that takes three times as long as the product.
    Here the kernel stands on the left as it is; what is transposed is small.

    Args:
        rows: [B, N].
        kernel: [N, M], like `rows` in dtype.

    Returns:
        [B, M].
    """

    named = gradient_scope()

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with named():
            to_rows = tf.matmul(kernel, upstream, transpose_b=True)
            to_kernel = tf.matmul(rows, upstream, transpose_a=True)
            return tf.transpose(to_rows), to_kernel

    return tf.matmul(rows, kernel), gradient


def relu_in_parts(maps: tf.Tensor, count: int) -> list[tf.Tensor]:
    """tf.split(tf.nn.relu(maps), count, axis=-1).

    The gradient reads the parts, which the layers above keep anyway, so that
    the whole is not kept beside them.

    Args:
        maps: [..., C], C a multiple of `count`.
        count: number of parts.

    Returns:
        A list of [..., C / count].
    """

    @tf.custom_gradient
    def split_relu(maps: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        named = gradient_scope()
        parts = tf.split(tf.nn.relu(maps), count, axis=-1)

        def gradient(*upstream: tf.Tensor) -> tf.Tensor:
            with named():
                to_maps = [
                    tf.raw_ops.ReluGrad(gradients=db, features=b)
                    for db, b in zip(upstream, parts, strict=True)
                ]
                return tf.concat(to_maps, axis=-1)

        return parts, gradient

    return split_relu(maps)
