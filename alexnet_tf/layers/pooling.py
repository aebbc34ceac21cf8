"""Layers without weights inside each tower: max pooling and activation."""

import keras
import tensorflow as tf

from alexnet_tf.layers.towers import TowerLayer


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerMaxPool2D(TowerLayer):
    """Max pooling without padding; overlapping where `stride` < `size`.

    Krizhevsky et al. 2012, section 3.4: size 3, stride 2.

    Args:
        size: height and width of a pool, in units.
        stride: distance between pools, in units.
        **kwargs: see `TowerLayer`.

    Input, output: a list with one [B, H, W, C] tensor per tower.
    """

    def __init__(self, size=3, stride=2, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.stride = stride

    def call(self, inputs):
        return self.on_each_tower(
            lambda maps: tf.nn.max_pool2d(
                maps, self.size, self.stride, "VALID"
            ),
            inputs,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "stride": self.stride,
        }


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerActivation(TowerLayer):
    """Applies an activation where it does not follow its weights at once.

    Args:
        activation: name of a Keras activation.
        **kwargs: see `TowerLayer`.

    Input, output: a list with one tensor per tower.
    """

    def __init__(self, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def call(self, inputs):
        return self.on_each_tower(self.activation, inputs)

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
        }
