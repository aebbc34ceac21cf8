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


@tf.custom_gradient
def overlapping_max_pool(maps: tf.Tensor) -> Any:
    """Max pooling of size 3 and stride 2, whose gradient goes to every maximum.

    cuda-convnet's rule: where several units of a pool are equal and largest,
    each gets the whole gradient; TensorFlow's own takes the first of them. On a
    CPU it is a scalar loop, this one comparisons of whole tensors, which XLA
    makes one pass of (a quarter of the time).

    Args:
        maps: [B, H, W, C], H and W even; the last pools reach over the lower
            and right edge by one unit.

    Returns:
        [B, H / 2, W / 2, C].

    Raises:
        ValueError: H or W is odd.
    """
    height, width, channels = maps.shape[1:]
    if height % 2 or width % 2:
        raise ValueError(f"maps of {height}x{width} have an odd side")
    named = gradient_scope()
    pools = tf.nn.max_pool2d(maps, 3, 2, "SAME")

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        with named():
            # A unit of an even row lies in the pool that begins there and in
            # the one before, that of an odd row in one pool; so for columns.
            before = [(0, 0), (1, 0), (1, 0), (0, 0)]
            largest, flows = tf.pad(pools, before), tf.pad(upstream, before)
            rows, columns = height // 2, width // 2
            units = tf.reshape(maps, [-1, rows, 2, columns, 2, channels])

            def received(row: int, column: int) -> tf.Tensor:
                unit = units[:, :, row, :, column]
                total = tf.zeros_like(unit)
                for down in range(row, 2):
                    for right in range(column, 2):
                        pool = (
                            slice(None),
                            slice(down, down + rows),
                            slice(right, right + columns),
                        )
                        is_largest = unit == largest[pool]
                        total += tf.where(is_largest, flows[pool], 0)
                return total

            by_row = [
                tf.stack([received(row, 0), received(row, 1)], axis=3)
                for row in range(2)
            ]
            return tf.reshape(tf.stack(by_row, axis=2), tf.shape(maps))

    return pools, gradient
