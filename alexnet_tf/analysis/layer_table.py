"""What the network consists of, read off the built model."""

import dataclasses
import math

from alexnet_tf.layers.lrn import TowerLRN
from alexnet_tf.layers.tower_weights import WeightedTowerLayer
from alexnet_tf.layers.towers import TowerLayer

FLOAT_BYTES = 4


@dataclasses.dataclass(frozen=True)
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
        kept: float32 numbers per image kept for the backward pass.
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
    kept: int = 0


def layer_table(network):
    """One `TowerRow` per layer and tower of a network, in order."""
    return [row for layer in network.layers[1:] for row in _rows(layer)]


def _rows(layer):
    if not isinstance(layer, TowerLayer):
        shape = tuple(layer.output.shape[1:])
        return [TowerRow(layer.name, None, None, shape, kept=math.prod(shape))]
    return [_tower_row(layer, tower) for tower in range(layer.towers)]


def _tower_row(layer, tower):
    shape = tuple(layer.tower_outputs[tower].shape[1:])
    outputs = math.prod(shape)
    # The gradient of LRN needs its sums and its scale besides its output.
    kept = 3 * outputs if isinstance(layer, TowerLRN) else outputs
    common = (layer.name, tower, layer.device(tower), shape)
    if not isinstance(layer, WeightedTowerLayer):
        return TowerRow(*common, kept=kept)
    kernel = tuple(layer.kernels[tower].shape)
    positions = math.prod(shape[:-1])
    return TowerRow(
        *common,
        kernel_shape=kernel,
        exchange=layer.exchange,
        parameters=math.prod(kernel) + layer.biases[tower].shape[0],
        neurons=outputs,
        macs=positions * math.prod(kernel),
        kept=kept,
    )


@dataclasses.dataclass(frozen=True)
class TrainingMemory:
    """Estimate of what one training step must hold, in bytes.

    Attributes:
        weights, velocities, gradients: one float32 number per parameter each.
        activations: of a batch, kept for the backward pass.
    """

    weights: int
    velocities: int
    gradients: int
    activations: int

    @property
    def total(self):
        """The sum."""
        return sum(dataclasses.astuple(self))


def training_memory(rows, batch_size):
    """`TrainingMemory` of a `layer_table` at a batch size."""
    weights = FLOAT_BYTES * sum(row.parameters for row in rows)
    activations = FLOAT_BYTES * batch_size * sum(row.kept for row in rows)
    return TrainingMemory(weights, weights, weights, activations)
