"""An activation that stands by itself."""

import keras

from alexnet_tf.layers.towers import TowerLayer


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
