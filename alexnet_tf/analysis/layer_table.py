"""What the network consists of, read off the built model."""

import dataclasses
import math
from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.layers.input import ImageLayer
from alexnet_tf.layers.normalization import TowerLRN, TowerSameMapNorm
from alexnet_tf.layers.tower_weights import WeightedTowerLayer
from alexnet_tf.layers.towers import TowerLayer

FLOAT_BYTES = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class TowerRow:
    """A layer's share of one tower.

    Attributes:
        layer: its name.
        tower: 0 or 1; None for what both towers see.
        device: where it runs; None where TensorFlow chooses.
        output_shape: without the batch.
        kernel_shape: of a layer with weights, else None.
        exchange: whether it sees the other tower too.
        parameters: trainable numbers.
        neurons: outputs of a layer with weights, else 0.
        macs: multiply-adds of one forward pass of one image.
        kept_bytes: per image, for the backward pass.
    """

    layer: str
    tower: int | None
    device: str | None
    output_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...] | None = None
    exchange: bool = False
    parameters: int = 0
    neurons: int = 0
    macs: int = 0
    kept_bytes: int = 0


def layer_table(network: keras.Model) -> list[TowerRow]:
    """One `TowerRow` per layer and tower of a network, in order."""
    return [row for layer in network.layers[1:] for row in _rows(layer)]


def _rows(layer: keras.Layer) -> list[TowerRow]:
    for_all = isinstance(layer, ImageLayer) and layer.towers == 1
    if for_all or not isinstance(layer, TowerLayer):
        shape = tuple(layer.output.shape[1:])
        kept = math.prod(shape) * _item_bytes(layer)
        if isinstance(layer, keras.layers.Concatenate):
            kept = 0  # of divided logits, which training does not join
        return [
            TowerRow(
                layer=layer.name,
                tower=None,
                device=None,
                output_shape=shape,
                kept_bytes=kept,
            )
        ]
    return [_tower_row(layer, tower) for tower in range(layer.towers)]


def _tower_row(layer: TowerLayer, tower: int) -> TowerRow:
    shape = tuple(layer.tower_outputs[tower].shape[1:])
    outputs = math.prod(shape)
    kept = outputs * _item_bytes(layer)
    if isinstance(layer, TowerLRN):
        # Its gradient needs the sums, or computes them again.
        kept += (not layer.compiled_in_training) * outputs * FLOAT_BYTES
    if isinstance(layer, TowerSameMapNorm):
        # TensorFlow's gradients keep the input, the sums, their root and its
        # root.
        kept += 4 * outputs * FLOAT_BYTES
    common: dict[str, Any] = {
        "layer": layer.name,
        "tower": tower,
        "device": layer.device(tower),
        "output_shape": shape,
    }
    if not isinstance(layer, WeightedTowerLayer):
        return TowerRow(**common, kept_bytes=kept)
    kernel = tuple(layer.kernels[tower].shape)
    positions = math.prod(shape[:-1])
    return TowerRow(
        **common,
        kernel_shape=kernel,
        exchange=layer.exchange,
        parameters=math.prod(kernel) + layer.biases[tower].shape[0],
        neurons=outputs,
        macs=positions * math.prod(kernel),
        kept_bytes=kept,
    )


def _item_bytes(layer: keras.Layer) -> int:
    return tf.as_dtype(layer.compute_dtype).size


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingMemory:
    """Estimate of what one training step must hold, in bytes.

    Attributes:
        weights, velocities, gradients: one float32 number per parameter each.
        sums: of the gradients, where a batch is computed in parts.
        averages: of the weights, where these are averaged.
        activations: of a part of a batch, kept for the backward pass.
    """

    weights: int
    velocities: int
    gradients: int
    sums: int
    averages: int
    activations: int

    @property
    def total(self) -> int:
        """The sum."""
        return sum(dataclasses.astuple(self))


def training_memory(
    rows: list[TowerRow],
    batch_size: int,
    parts: int = 1,
    averaged: bool = False,
) -> TrainingMemory:
    """`TrainingMemory` of a `layer_table` for a batch computed in parts.

    Args:
        rows: of the layer table.
        batch_size: images of an update.
        parts: into which the batch is divided.
        averaged: whether the weights are averaged.
    """
    weights = FLOAT_BYTES * sum(row.parameters for row in rows)
    sums = weights if parts > 1 else 0
    activations = batch_size // parts * sum(row.kept_bytes for row in rows)
    return TrainingMemory(
        weights=weights,
        velocities=weights,
        gradients=weights,
        sums=sums,
        averages=weights if averaged else 0,
        activations=activations,
    )
