"""The network of Krizhevsky, Sutskever and Hinton (NIPS 2012), figure 2.

Sizes in the comments are height x width x maps of one tower for the paper's
values: a 224x224 crop, two towers, 1000 classes.
"""

from collections.abc import Callable
from typing import Any

import keras
from ml_collections import ConfigDict

from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.layers.input import InputForm, MeanSubtraction, PCALighting
from alexnet_tf.layers.normalization import TowerLRN, TowerSameMapNorm
from alexnet_tf.layers.pooling import TowerActivation, TowerMaxPool2D
from alexnet_tf.layers.towers import stand_apart

WEIGHTED_LAYERS = (
    *("conv1", "conv2", "conv3", "conv4", "conv5"),
    *("fc6", "fc7", "fc8"),
)
ADDED_LAYERS = ("conv6", "bottleneck")  # of the experiments that followed


def build_network(
    model: ConfigDict,
    seed: int = 0,
    precision: str = "float32",
    trainable: bool = True,
) -> keras.Model:
    """Builds the two-tower network.

    The towers run where `layers.towers.placement` says at the time of the
    call, and meet where the config says; "both" marks the four places of the
    paper. What a config leaves out passes its input on; the paper has no
    `input_form`, `relu1`, `relu2`, `norm2`, `conv6` and `bottleneck`.

    Args:
        model: the `model` section of a config, `num_classes` at least 1.
        seed: integer; initial weights, dropout and lighting follow from it.
        precision: dtype of what crosses from layer to layer, "float32",
            "bfloat16" or "float16". In float32 in any case: mean subtraction,
            lighting, LRN, fc8, and the weights of a trainable network.
        trainable: whether it may be trained. Otherwise the weights of conv1
            to fc7 are stored in `precision` too, as which they are read: the
            answers are the same, the weights take half of the memory.

    Returns:
        A functional `keras.Model` from uint8 crops [B, crop, crop, 3] on the
        0..255 scale to logits [B, num_classes], float32. Where the classes
        are divided over the towers `logit_parts` has each tower's logits.
    """
    policy = precision if precision == "float32" else f"mixed_{precision}"
    make = _LayerFactory(
        model, seed, policy, policy if trainable else precision
    )
    conv, fc, lrn = make.conv, make.fc, make.lrn
    pool, dropout, norm = make.pool, make.dropout, make.same_map_norm

    image = keras.Input(
        (model.crop, model.crop, 3), dtype="uint8", name="image"
    )
    x = make.mean("mean")(image)
    x = make.lighting("lighting")(x)
    x = make.input_form("input_form")(x)

    x = conv("conv1", 11, strides=4, padding="ceil")(x)  # 55x55x48
    x = pool("pool1")(lrn("lrn1")(x))  # 27x27x48
    x = make.late_activation("relu1")(x)
    x = conv("conv2", 5)(x)  # 27x27x128
    x = pool("pool2")(norm("norm2")(lrn("lrn2")(x)))  # 13x13x128
    x = make.late_activation("relu2")(x)
    x = conv("conv3", 3)(x)  # both: 13x13x192
    x = conv("conv4", 3)(x)  # 13x13x192
    x = conv("conv5", 3)(x)  # 13x13x128
    x = pool("pool5")(x)  # 6x6x128
    x = conv("conv6", 3)(x)
    x = dropout("drop6")(fc("fc6")(x))  # both: 2048
    x = dropout("drop7")(fc("fc7")(x))  # both: 2048
    x = make.bottleneck("bottleneck")(x)
    logits = make.classifier("fc8")(x)  # both: 1000, on the first tower
    return keras.Model(image, logits, name="alexnet")


def weighted_layers(network: keras.Model) -> list[keras.Layer]:
    """The layers with kernels and biases that a network has, conv1 first."""
    return [
        layer
        for layer in network.layers
        if layer.name in WEIGHTED_LAYERS + ADDED_LAYERS
    ]


def logit_parts(network: keras.Model) -> list[keras.KerasTensor]:
    """Symbolic logits of each tower, [B, classes of the tower].

    A list of one where all classes are on the first tower, and where it is no
    network that `build_network` made. What is joined from several parts is on
    the default device: training goes without.
    """
    [output] = network.outputs
    for layer in network.layers:
        if layer.name == "fc8" and layer.towers > 1:
            return layer.tower_outputs
    return [output]


def fc7_network(network: keras.Model) -> keras.Model:
    """From crops to fc7 after its ReLU, both towers joined (section 6.1).

    Args:
        network: from uint8 crops [B, crop, crop, 3] to logits.

    Returns:
        A model with the network's layers, to [B, units] of their dtype,
        tower 0's first.
    """
    halves = network.get_layer("fc7").tower_outputs
    return keras.Model(network.input, keras.ops.concatenate(halves, axis=-1))


class _LayerFactory:
    """Layers with the config's values filled in, each with its own seed."""

    def __init__(
        self, model: ConfigDict, seed: int, policy: str, weight_policy: str
    ) -> None:
        self._model = model
        self._policy = policy
        self._weight_policy = weight_policy
        self._run_seed = seed
        self._seed = seed * len(WEIGHTED_LAYERS)

    def mean(self, name: str) -> MeanSubtraction:
        model = self._model
        return MeanSubtraction(
            model.mean,
            model.mean_values,
            towers=self._image_towers(),
            name=name,
        )

    def lighting(self, name: str) -> PCALighting:
        return PCALighting(
            **self._model.lighting,
            seed=self._run_seed,
            towers=self._image_towers(),
            dtype=self._policy,
            name=name,
        )

    def input_form(self, name: str) -> Callable:
        divisor, order = self._model.input_divisor, self._model.channel_order
        if (divisor, order) == (1, "rgb"):
            return unchanged
        return InputForm(
            divisor,
            order,
            towers=self._image_towers(),
            dtype=self._policy,
            name=name,
        )

    def _image_towers(self) -> int:
        """How many towers compute what all see."""
        return self._model.towers if stand_apart() else 1

    def conv(
        self,
        name: str,
        kernel_size: int,
        strides: int = 1,
        padding: str | int | None = None,
    ) -> Callable:
        kernels = (*self._model.kernels, self._model.conv6)[int(name[-1]) - 1]
        if name in self._model.without or kernels == 0:
            return unchanged
        weighted = self._weighted(name)
        if self._is_signed(name):
            weighted["activation"] = None
        return TowerConv2D(
            self._scaled(kernels),
            kernel_size,
            strides=strides,
            padding=padding or self._padding(name, kernel_size),
            **weighted,
        )

    def _padding(self, name: str, kernel_size: int) -> str | int:
        same = kernel_size // 2
        of_layer = dict(
            zip(WEIGHTED_LAYERS[1:5], self._model.padding, strict=True)
        )
        zeros = of_layer.get(name, same)
        return "same" if zeros == same else zeros

    def late_activation(self, name: str) -> Callable:
        if not self._is_signed(f"conv{name[-1]}") or self._is_left_out(name):
            return unchanged
        return TowerActivation(self._model.activation, **self._common(name))

    def _is_signed(self, name: str) -> bool:
        """Whether a convolution's activation comes after its pool."""
        orders = {
            "conv1": self._model.conv1_order,
            "conv2": self._model.conv2_order,
        }
        return orders.get(name) == "lrn_pool_relu"

    def fc(self, name: str) -> TowerDense:
        units = self._model.units
        if name == "fc7":
            units = self._model.fc7_units or units
        return TowerDense(self._scaled(units), **self._weighted(name))

    def bottleneck(self, name: str) -> Callable:
        units = self._model.bottleneck
        if units == 0:
            return unchanged
        linear = {**self._weighted(name), "activation": None}
        return TowerDense(self._scaled(units), **linear)

    def classifier(self, name: str) -> Callable:
        """All classes on the first tower, or divided, joined at the end."""
        classes = self._model.num_classes
        weighted: dict[str, Any] = {
            **self._weighted(name),
            "activation": None,
            "dtype": "float32",
        }
        if self._model.split_softmax:
            dense = TowerDense(classes, **weighted)
            join = keras.layers.Concatenate(name="logits", dtype="float32")
            return lambda x: join(dense(x))
        dense = TowerDense(classes, **{**weighted, "towers": 1})
        return lambda x: dense(x)[0]

    def lrn(self, name: str) -> Callable:
        lrn = self._model.lrn
        if lrn.scope == "none" or self._is_left_out(name):
            return unchanged
        return TowerLRN(**lrn, **self._common(name))

    def same_map_norm(self, name: str) -> Callable:
        norm = self._model.same_map_norm
        if norm.size == 0 or self._is_left_out(name):
            return unchanged
        return TowerSameMapNorm(**norm, **self._common(name))

    def _is_left_out(self, name: str) -> bool:
        """Whether "lrn2" or the convolution that it belongs to is."""
        return not {name, f"conv{name[-1]}"}.isdisjoint(self._model.without)

    def pool(self, name: str) -> TowerMaxPool2D:
        return TowerMaxPool2D(
            self._model.pool_size,
            self._model.pool_stride,
            self._model.pool_padding,
            **self._common(name),
        )

    def dropout(self, name: str) -> TowerDropout:
        return TowerDropout(
            self._model.dropout,
            kind=self._model.dropout_kind,
            seed=self._seed + int(name[-1]),
            **self._common(name),
        )

    def _common(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "towers": self._model.towers,
            "dtype": self._policy,
        }

    def _weighted(self, name: str) -> dict[str, Any]:
        return {
            **self._common(name),
            "dtype": self._weight_policy,
            "exchange": name in self._model.exchange,
            "exchange_precision": self._model.exchange_precision,
            "activation": self._model.activation,
            "weight_std": self._model.weight_std[name],
            "bias": self._model.bias[name],
            "seed": self._seed_of(name),
        }

    def _seed_of(self, name: str) -> int:
        if name in WEIGHTED_LAYERS:
            return self._seed + WEIGHTED_LAYERS.index(name)
        # The seeds are far from those, so that a layer more leaves them as they
        # were.
        return self._seed + 2**20 + ADDED_LAYERS.index(name)

    def _scaled(self, units: int) -> int:
        """`units` times the width multiplier, a multiple of the towers."""
        towers = self._model.towers
        return max(1, round(units * self._model.width / towers)) * towers


def unchanged(x: Any) -> Any:
    """What stands where a config leaves a layer out."""
    return x
