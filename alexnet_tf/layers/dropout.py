"""Dropout inside each tower (Krizhevsky et al. 2012, section 4.2)."""

from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.layers.draws import add_draws
from alexnet_tf.layers.towers import TowerLayer

KINDS = ("paper", "inverted")


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerDropout(TowerLayer):
    """Sets each neuron to zero with probability `rate` in training.

    The two kinds are two trainings. With fc7 and fc8 starting at half the
    deviation, a quarter of their learning rate and four times their decay
    "inverted" at rate 0.5 does what "paper" does.

    Args:
        rate: probability of a zero, 0 <= rate < 1.
        seed: integer; the masks are a function of it and of the number of
            training steps taken, which weight files save.
        kind: "paper" (section 4.2, and the 2012 code): what remains is left
            as it is, and all outputs are multiplied by 1 - rate outside
            training. "inverted" (Caffe, Keras, PyTorch): what remains is
            divided by 1 - rate in training, and nothing is done outside.
        **kwargs: see `TowerLayer`.

    Input, output: a list with one [B, N] tensor per tower.
    """

    def __init__(
        self,
        rate: float = 0.5,
        seed: int = 0,
        kind: str = "inverted",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"kind must be {' or '.join(KINDS)}, not {kind}")
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate is in [0, 1), not {rate}")
        self.rate = rate
        self.seed = seed
        self.kind = kind

    @property
    def factor_at_test(self) -> float:
        """What outputs are multiplied by outside training."""
        return 1 - self.rate if self.kind == "paper" else 1.0

    def build(self, input_shape: Any) -> None:
        self.draws = []
        for tower in range(self.towers):
            with tf.device(self.device(tower)):
                self.draws.append(add_draws(self, self.seed, tower))

    def call(
        self, inputs: list[tf.Tensor], training: bool | None = False
    ) -> list[tf.Tensor]:
        if not training and self.factor_at_test != 1:
            return self.on_each_tower(self._scale, inputs)
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

    def _scale(self, activations: tf.Tensor) -> tf.Tensor:
        x = tf.cast(activations, tf.float32) * self.factor_at_test
        return tf.cast(x, activations.dtype)

    def _uniform(self, tower: int, activations: tf.Tensor) -> tf.Tensor:
        with tf.device(self.device(tower)):
            return self.draws[tower].uniform(
                [tf.shape(activations)[0], *activations.shape[1:]]
            )

    def _keep_some(
        self, activations: tf.Tensor, uniform: tf.Tensor
    ) -> tf.Tensor:
        # The factor is applied in float32: bfloat16 has no 0.8, and would scale
        # all by 0.801.
        x = tf.cast(activations, tf.float32)
        kept = tf.where(uniform >= self.rate, x, tf.zeros_like(x))
        if self.kind == "inverted":
            kept /= 1 - self.rate
        return tf.cast(kept, activations.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "kind": self.kind,
        }
