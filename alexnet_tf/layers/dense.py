"""Fully connected layer of the two towers."""

import math
from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.layers.gradients import gradient_scope
from alexnet_tf.layers.tower_weights import WeightedTowerLayer


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerDense(WeightedTowerLayer):
    """Fully connected layer, its neurons divided over the towers.

    Maps are flattened in (row, column, map) order, after the exchange: with
    `exchange=True` row r of the kernel belongs to the same input neuron
    whether there are two towers or one.

    Args:
        units: number of neurons over all towers, see `WeightedTowerLayer`.
        **kwargs: see `WeightedTowerLayer`.

    Input: a list with one [B, N] or [B, H, W, C] tensor per tower.
    Output: a list with one [B, units / towers] tensor per tower.
    """

    def kernel_shape(
        self, visible_shape: tuple[Any, ...], units: int
    ) -> tuple[int, ...]:
        return (math.prod(visible_shape[1:]), units)

    def transform(self, activations, kernel):
        inputs = kernel.shape[0]
        return product(tf.reshape(activations, [-1, inputs]), kernel)


@tf.custom_gradient
def product(rows, kernel):
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

    def gradient(upstream):
        with named():
            to_rows = tf.matmul(kernel, upstream, transpose_b=True)
            to_kernel = tf.matmul(rows, upstream, transpose_a=True)
            return tf.transpose(to_rows), to_kernel

    return tf.matmul(rows, kernel), gradient
