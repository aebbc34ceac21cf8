"""The four-layer networks of CIFAR-10 on one page.

Krizhevsky's cuda-convnet brought them as examples; section 3.1 of the paper
compares ReLU and tanh on "a four-layer convolutional network", section 3.3 has
its errors with and without LRN. Values and sources: configs/cifar/.
"""

import functools
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.layers.gradients import overlapping_max_pool
from alexnet_tf.layers.input import MeanSubtraction
from alexnet_tf.layers.local import LocallyConnected2D
from alexnet_tf.layers.normalization import local_response_normalization

# Over 9 maps, 0.001 divided by the window as always in the 2012 code.
LRN = {"n": 9, "k": 1.0, "alpha": 0.001 / 9, "beta": 0.75}


def cifar_network(
    values: ConfigDict,
    image_shape: tuple[int, ...],
    classes: int,
    *,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Sequential:
    """Two convolutions and two locally connected layers, or three convolutions.

    Args:
        values: the section `network` of a recipe of configs/cifar/.
        image_shape: (height, width, 3); both sides a multiple of 4, with three
            convolutions of 8.
        classes: number of classes.
        activation: "relu" or "tanh", which is a tanh(b x) with the a and b of
            `values.tanh`.
        seed: integer; the initial weights are a function of it.

    Returns:
        A `keras.Sequential` from images [B, H, W, 3] on the 0..255 scale, uint8
        or float32, to logits [B, classes]. Its layer "mean" is to be given the
        mean image; the activations are the layers "units1", "units2" and so on.
    """
    make = _Layers(values, activation, seed)
    pixels = [keras.Input(image_shape), MeanSubtraction(name="mean")]
    if values.pixel_scale != 1:
        pixels.append(keras.layers.Rescaling(1 / values.pixel_scale))
    # Activations stand behind a max pool, where it makes no difference and
    # they are a quarter as many; LRN wants them before.
    conv1, conv2 = make.convolution("conv1"), make.convolution("conv2")
    if values.kind == "conv_local":
        layers = [
            *(conv1, make.max_pool(), make.activation("units1"), *make.lrn()),
            *(
                (conv2, make.activation("units2"), *make.lrn(), make.max_pool())
                if values.lrn
                else (conv2, make.max_pool(), make.activation("units2"))
            ),
            *(make.local("local3"), make.activation("units3")),
            *(make.local("local4"), make.activation("units4")),
            *(keras.layers.Flatten(), make.dense("softmax", classes)),
        ]
    else:
        layers = [
            *(conv1, make.max_pool(), make.activation("units1")),
            *(conv2, make.activation("units2"), make.mean_pool()),
            make.convolution("conv3"),
            *(make.activation("units3"), make.mean_pool()),
            keras.layers.Flatten(),
        ]
        if values.neurons:
            fc = make.dense("fc", values.neurons)
            layers += [fc, make.activation("units4")]
        layers.append(make.dense("softmax", classes))
    return keras.Sequential([*pixels, *layers])


def layer_names(values: ConfigDict) -> tuple[str, ...]:
    """The layers with weights, in the order of `values.weight_std`."""
    if values.kind == "conv_local":
        return ("conv1", "conv2", "local3", "local4", "softmax")
    fully_connected = ("fc",) if values.neurons else ()
    return ("conv1", "conv2", "conv3", *fully_connected, "softmax")


class _Layers:
    """Builds layers with the values of a recipe."""

    def __init__(self, values: ConfigDict, activation: str, seed: int) -> None:
        self._values = values
        self._names = layer_names(values)
        self._seed = seed
        if activation == "tanh":
            a, b = values.tanh
            self._function = functools.partial(_scaled_tanh, a=a, b=b)
        else:
            self._function = tf.nn.relu

    def convolution(self, name: str) -> keras.layers.Layer:
        kernels = self._values.kernels[self._names.index(name)]
        return keras.layers.Conv2D(
            kernels, 5, padding="same", name=name, **self._initial(name)
        )

    def local(self, name: str) -> keras.layers.Layer:
        number = self._names.index(name)
        return LocallyConnected2D(
            self._values.kernels[number],
            3,
            weight_std=self._std(name),
            seed=self._seed_of(name),
            name=name,
        )

    def dense(self, name: str, units: int) -> keras.layers.Layer:
        return keras.layers.Dense(units, name=name, **self._initial(name))

    def activation(self, name: str) -> keras.layers.Layer:
        return keras.layers.Activation(self._function, name=name)

    def max_pool(self) -> keras.layers.Layer:
        return keras.layers.Lambda(overlapping_max_pool)

    def mean_pool(self) -> keras.layers.Layer:
        return keras.layers.AveragePooling2D(3, 2, padding="same")

    def lrn(self) -> list[keras.layers.Layer]:
        if not self._values.lrn:
            return []
        normalize = functools.partial(local_response_normalization, **LRN)
        return [keras.layers.Lambda(normalize)]

    def _initial(self, name: str) -> dict[str, Any]:
        std, seed = self._std(name), self._seed_of(name)
        if std is None:
            return {"kernel_initializer": keras.initializers.LecunNormal(seed)}
        normal = keras.initializers.RandomNormal(stddev=std, seed=seed)
        return {"kernel_initializer": normal}

    def _std(self, name: str) -> float | None:
        deviations = self._values.weight_std
        return deviations[self._names.index(name)] if deviations else None

    def _seed_of(self, name: str) -> int:
        return self._seed * 1000 + self._names.index(name)


def _scaled_tanh(x: tf.Tensor, a: float, b: float) -> tf.Tensor:
    return a * tf.tanh(b * x)
