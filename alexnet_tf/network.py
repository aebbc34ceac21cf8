"""The network of Krizhevsky, Sutskever and Hinton (NIPS 2012), figure 2.

Sizes in the comments are height x width x maps of one tower for the paper's
values: a 224x224 crop, two towers, 1000 classes.
"""

import keras

from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.layers.input import InputForm, MeanSubtraction, PCALighting
from alexnet_tf.layers.normalization import TowerLRN, TowerSameMapNorm
from alexnet_tf.layers.pooling import TowerActivation, TowerMaxPool2D

WEIGHTED_LAYERS = (
    *("conv1", "conv2", "conv3", "conv4", "conv5"),
    *("fc6", "fc7", "fc8"),
)


def build_network(model, seed=0, precision="float32", trainable=True):
    """Builds the two-tower network.

    The towers run where `layers.towers.placement` says at the time of the
    call; `exchange=True` marks the four places where they meet. What a config
    leaves out passes its input on; the paper has no `input_form`, `relu1` and
    `norm2`.

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
        0..255 scale to logits [B, num_classes], float32.
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
    x = conv("conv3", 3, exchange=True)(x)  # 13x13x192
    x = conv("conv4", 3)(x)  # 13x13x192
    x = conv("conv5", 3)(x)  # 13x13x128
    x = pool("pool5")(x)  # 6x6x128
    x = dropout("drop6")(fc("fc6", exchange=True)(x))  # 2048
    x = dropout("drop7")(fc("fc7", exchange=True)(x))  # 2048
    logits = make.classifier("fc8")(x)  # 1000, on the first tower
    return keras.Model(image, logits, name="alexnet")


def weighted_layers(network):
    """The layers with kernels and biases that a network has, conv1 first."""
    return [layer for layer in network.layers if layer.name in WEIGHTED_LAYERS]


class _LayerFactory:
    """Layers with the config's values filled in, each with its own seed."""

    def __init__(self, model, seed, policy, weight_policy):
        self._model = model
        self._policy = policy
        self._weight_policy = weight_policy
        self._run_seed = seed
        self._seed = seed * len(WEIGHTED_LAYERS)

    def mean(self, name):
        model = self._model
        return MeanSubtraction(model.mean, model.mean_values, name=name)

    def lighting(self, name):
        return PCALighting(
            **self._model.lighting,
            seed=self._run_seed,
            dtype=self._policy,
            name=name,
        )

    def input_form(self, name):
        divisor, order = self._model.input_divisor, self._model.channel_order
        if (divisor, order) == (1, "rgb"):
            return unchanged
        return InputForm(divisor, order, dtype=self._policy, name=name)

    def conv(self, name, kernel_size, **kwargs):
        if name in self._model.without:
            return unchanged
        kernels = self._model.kernels[WEIGHTED_LAYERS.index(name)]
        weighted = self._weighted(name)
        if name == "conv1" and self._conv1_is_signed:
            weighted["activation"] = None
        return TowerConv2D(
            self._scaled(kernels), kernel_size, **weighted, **kwargs
        )

    def late_activation(self, name):
        if not self._conv1_is_signed:
            return unchanged
        return TowerActivation(self._model.activation, **self._common(name))

    @property
    def _conv1_is_signed(self):
        return self._model.conv1_order == "lrn_pool_relu"

    def fc(self, name, **kwargs):
        return TowerDense(
            self._scaled(self._model.units), **self._weighted(name), **kwargs
        )

    def classifier(self, name):
        weighted = self._weighted(name)
        weighted.update(towers=1, activation=None, dtype="float32")
        dense = TowerDense(self._model.num_classes, exchange=True, **weighted)
        return lambda x: dense(x)[0]

    def lrn(self, name):
        lrn = self._model.lrn
        if lrn.scope == "none" or not self._follows_convolution(name):
            return unchanged
        return TowerLRN(**lrn, **self._common(name))

    def same_map_norm(self, name):
        norm = self._model.same_map_norm
        if norm.size == 0 or not self._follows_convolution(name):
            return unchanged
        return TowerSameMapNorm(**norm, **self._common(name))

    def _follows_convolution(self, name):
        """Whether the convolution is there that "lrn2" belongs to."""
        return f"conv{name[-1]}" not in self._model.without

    def pool(self, name):
        return TowerMaxPool2D(
            self._model.pool_size,
            self._model.pool_stride,
            **self._common(name),
        )

    def dropout(self, name):
        return TowerDropout(
            self._model.dropout,
            kind=self._model.dropout_kind,
            seed=self._seed + int(name[-1]),
            **self._common(name),
        )

    def _common(self, name):
        return {
            "name": name,
            "towers": self._model.towers,
            "dtype": self._policy,
        }

    def _weighted(self, name):
        return {
            **self._common(name),
            "dtype": self._weight_policy,
            "activation": self._model.activation,
            "weight_std": self._model.weight_std[name],
            "bias": self._model.bias[name],
            "seed": self._seed + WEIGHTED_LAYERS.index(name),
        }

    def _scaled(self, units):
        """`units` times the width multiplier, a multiple of the towers."""
        towers = self._model.towers
        return max(1, round(units * self._model.width / towers)) * towers


def unchanged(x):
    """What stands where a config leaves a layer out."""
    return x
