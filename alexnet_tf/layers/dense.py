"""Fully connected layer of the two towers."""

import math
from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.layers.gradients import product
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

    def transform(self, activations: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        inputs = kernel.shape[0]
        return product(tf.reshape(activations, [-1, inputs]), kernel)
