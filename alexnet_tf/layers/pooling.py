"""Layers without weights inside each tower: max pooling and activation."""

from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.config import edge_padding
from alexnet_tf.layers.towers import TowerLayer


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerMaxPool2D(TowerLayer):
    """Max pooling; overlapping where `stride` < `size`.

    Krizhevsky et al. 2012, section 3.4: size 3, stride 2.

    Args:
        size: height and width of a pool, in units.
        stride: distance between pools, in units.
        padding: "valid": pools lie inside; or "ceil": the last ones may reach
            over the lower and right edge, see `edge_padding`.
        **kwargs: see `TowerLayer`.

    Input, output: a list with one [B, H, W, C] tensor per tower.
    """

    def __init__(
        self,
        size: int = 3,
        stride: int = 2,
        padding: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.stride = stride
        self.padding = padding

    def over_the_edge(self, side: int) -> int:
        """Units by which the last pool reaches over a side of the input."""
        if self.padding == "valid":
            return 0
        return edge_padding(side, self.size, self.stride)

    def call(self, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        return self.on_each_tower(self._pool, inputs)

    def _pool(self, maps: tf.Tensor) -> tf.Tensor:
        rows, columns = map(self.over_the_edge, maps.shape[1:3])
        if rows or columns:
            # What is beyond the edge must not win, whatever the sign.
            edges = [(0, 0), (0, rows), (0, columns), (0, 0)]
            maps = tf.pad(maps, edges, constant_values=maps.dtype.min)
        return tf.nn.max_pool2d(maps, self.size, self.stride, "VALID")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "stride": self.stride,
            "padding": self.padding,
        }


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerActivation(TowerLayer):
    """Applies an activation where it does not follow its weights at once.

    Args:
        activation: name of a Keras activation.
        **kwargs: see `TowerLayer`.

    Input, output: a list with one tensor per tower.
    """

    def __init__(self, activation: Any = "relu", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def call(self, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        return self.on_each_tower(self.activation, inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
        }
