"""Convolution of the two towers."""

from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.layers.gradients import relu_in_parts
from alexnet_tf.layers.tower_weights import WeightedTowerLayer


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerConv2D(WeightedTowerLayer):
    """Convolution, bias and activation, the kernels divided over the towers.

    Every kernel sees the whole image (a single input tensor), the maps of its
    own tower (a list, the default), or the maps of all towers (a list with
    `exchange=True`): the connections of conv1, of conv2, 4 and 5, and of
    conv3 (Krizhevsky et al. 2012, section 3.5).

    Args:
        filters: number of kernels over all towers, see `WeightedTowerLayer`.
        kernel_size: height and width of a kernel, in pixels.
        strides: step of the kernels, in pixels.
        padding: "same", a number of zeros on every side, or "ceil": zeros
            below and to the right until the kernels cover the whole input, 3
            rows and columns for an 11x11 kernel, stride 4 and a 224x224 image
            (the 2012 code).
        **kwargs: see `WeightedTowerLayer`.

    Input: [B, H, W, C], or a list with one such tensor per tower.
    Output: a list with one [B, H', W', filters / towers] tensor per tower.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        padding: str | int = "same",
        **kwargs: Any,
    ) -> None:
        super().__init__(units=filters, **kwargs)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding

    def kernel_shape(
        self, visible_shape: tuple[Any, ...], units: int
    ) -> tuple[int, ...]:
        size = self.kernel_size
        return (size, size, visible_shape[-1], units)

    def zeros_around(self, side: int) -> tuple[int, int]:
        """Zeros before and after a side of the input; not for "same"."""
        if self.padding == "ceil":
            return 0, ceil_padding(side, self.kernel_size, self.strides)
        zeros = int(self.padding)
        return zeros, zeros

    def transform(self, maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.padding == "same":
            return tf.nn.conv2d(maps, kernel, self.strides, "SAME")
        rows, columns = map(self.zeros_around, maps.shape[1:3])
        # Padding that conv2d is told of takes a gradient kernel that is
        # 1.7 times slower on a CPU than padding made beforehand.
        padded = tf.pad(maps, [(0, 0), rows, columns, (0, 0)])
        return tf.nn.conv2d(padded, kernel, self.strides, "VALID")

    def call(self, inputs: tf.Tensor | list[tf.Tensor]) -> list[tf.Tensor]:
        sees_the_same = (
            self.exchange and not self.rounds_what_crosses
        ) or not isinstance(inputs, list)
        if sees_the_same and self.unpinned and self.towers > 1:
            return self._all_kernels_at_once(inputs)
        return super().call(inputs)

    def _all_kernels_at_once(
        self, inputs: tf.Tensor | list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """One convolution with all towers' kernels, then an explicit split.

        A convolution with few kernels is a thin matrix product: on one device
        a single wide one reads the common input once.
        """
        kernel = tf.concat(
            [tf.convert_to_tensor(k) for k in self.kernels], axis=-1
        )
        bias = tf.concat(
            [tf.convert_to_tensor(b) for b in self.biases], axis=-1
        )
        seen = inputs if isinstance(inputs, list) else [inputs]
        maps = self.before_activation(kernel, bias, *seen)
        if self.activation is keras.activations.relu:
            return relu_in_parts(maps, self.towers)
        return tf.split(self.activation(maps), self.towers, axis=-1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["filters"] = config.pop("units")
        config["kernel_size"] = self.kernel_size
        config["strides"] = self.strides
        config["padding"] = self.padding
        return config


def ceil_padding(size: int, kernel_size: int, strides: int) -> int:
    """Zeros to append so that 1 + ceil((size - kernel) / stride) outputs fit.

    >>> ceil_padding(224, 11, 4), ceil_padding(227, 11, 4)
    (3, 0)
    """
    return -(size - kernel_size) % strides
