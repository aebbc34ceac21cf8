"""Dropout inside each tower (Krizhevsky et al. 2012, section 4.2)."""

import keras
import tensorflow as tf

from alexnet_tf.layers.draws import add_draws
from alexnet_tf.layers.towers import TowerLayer


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerDropout(TowerLayer):
    """Sets each neuron to zero with probability `rate` in training.

    What remains is divided by 1 - rate in training (inverted dropout), where
    the paper multiplies by 1 - rate at test time: equal in expectation.

    Args:
        rate: probability of a zero, 0 <= rate < 1.
        seed: integer; the masks are a function of it and of the number of
            training steps taken, which weight files save.
        **kwargs: see `TowerLayer`.

    Input, output: a list with one [B, N] tensor per tower.
    """

    def __init__(self, rate=0.5, seed=0, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate is in [0, 1), not {rate}")
        self.rate = rate
        self.seed = seed

    def build(self, input_shape):
        self.draws = []
        for tower in range(self.towers):
            with tf.device(self.device(tower)):
                self.draws.append(add_draws(self, self.seed, tower))

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return [
            self.on_tower(
                tower,
                self._keep_some,
                activations,
                self._uniform(tower, activations),
            )
            for tower, activations in enumerate(inputs)
        ]

    def _uniform(self, tower, activations):
        with tf.device(self.device(tower)):
            return self.draws[tower].uniform(
                [tf.shape(activations)[0], *activations.shape[1:]]
            )

    def _keep_some(self, activations, uniform):
        # In float32: bfloat16 has no 0.8, and would scale all by 0.801.
        x = tf.cast(activations, tf.float32)
        kept = tf.where(uniform >= self.rate, x, tf.zeros_like(x))
        return tf.cast(kept / (1 - self.rate), activations.dtype)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
