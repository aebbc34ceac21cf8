"""The order of a network's layers and what weights do not tell of them.

CaffeNet has the weight shapes of AlexNet and another order of pooling and
normalization; LRN constants are in no array at all. Files that describe
their network are compared with ours by these steps.
"""

import math
from typing import NamedTuple

import keras

from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.layers.normalization import TowerLRN, TowerSameMapNorm
from alexnet_tf.layers.pooling import TowerActivation, TowerMaxPool2D

SCALE = "scale"  # what dropout of the paper's kind is outside training


class Normalization(NamedTuple):
    """Constants of a norm, LRN or the other; alpha is not divided."""

    n: int
    k: float
    alpha: float
    beta: float

    def close_to(self, other: tuple) -> bool:
        """Equal but for what float32 rounds."""
        return all(
            math.isclose(mine, its, rel_tol=1e-5)
            for mine, its in zip(self, other, strict=True)
        )

    def __str__(self) -> str:
        return (
            f"n={self.n:g} k={self.k:g} alpha={self.alpha:g} "
            f"beta={self.beta:g} (alpha not divided)"
        )


class Step(NamedTuple):
    """One layer of a chain.

    Attributes:
        kind: "conv", "fc", "pool", "lrn", "same_map_norm", "scale" or an
            activation such as "relu".
        values: of conv: size, stride, padding, groups; of pool: size,
            stride; of scale: the factor; of the two norms: a `Normalization`;
            else empty. None where a file does not tell.
    """

    kind: str
    values: tuple | None = ()

    def fits(self, other: "Step") -> bool:
        """Whether the two are the same layer."""
        if self.kind != other.kind:
            return False
        if self.values is None or other.values is None:
            return True
        if isinstance(self.values, Normalization):
            return self.values.close_to(other.values)
        if self.kind == SCALE:
            return math.isclose(*self.values, *other.values, rel_tol=1e-5)
        return self.values == other.values

    def __str__(self) -> str:
        if not self.values:
            return self.kind
        if self.kind == "conv":
            names = ("size", "stride", "padding", "groups")
        elif self.kind == "pool":
            names = ("size", "stride")
        elif self.kind == SCALE:
            return f"times {self.values[0]:g}"
        else:
            return f"{self.kind} {self.values}"
        pairs = zip(names, self.values, strict=True)
        return " ".join([self.kind, *(f"{n}={v}" for n, v in pairs)])


def steps_of(network: keras.Model) -> tuple[Step, ...]:
    """The `Step`s of a network that `build_network` made."""
    steps = []
    for layer in network.layers:
        match layer:
            case TowerConv2D():
                steps += [_conv_step(layer), _activation(layer)]
            case TowerDense():
                steps += [Step("fc"), _activation(layer)]
            case TowerMaxPool2D():
                steps.append(Step("pool", (layer.size, layer.stride)))
            case TowerDropout(factor_at_test=factor) if factor != 1:
                steps.append(Step(SCALE, (factor,)))
            case TowerActivation():
                steps.append(_activation(layer))
            case TowerLRN():
                constants = (layer.n, layer.k, layer.alpha, layer.beta)
                steps.append(Step("lrn", Normalization(*constants)))
            case TowerSameMapNorm():
                constants = (layer.size, layer.k, layer.alpha, layer.beta)
                norm = Normalization(*constants)
                steps.append(Step("same_map_norm", norm))
    return tuple(step for step in steps if step.kind != "linear")


def _activation(layer: keras.Layer) -> Step:
    return Step(keras.activations.serialize(layer.activation))


def _conv_step(layer: TowerConv2D) -> Step:
    crosses = layer.exchange or not isinstance(layer.input, list)
    groups = 1 if crosses else layer.towers
    # "ceil" fills up what a crop of 224 lacks; no file has it.
    paddings: dict[str | int, int] = {"same": layer.kernel_size // 2, "ceil": 0}
    padding = paddings.get(layer.padding, layer.padding)
    return Step("conv", (layer.kernel_size, layer.strides, padding, groups))
