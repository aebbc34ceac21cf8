"""An exponential moving average of the weights."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from alexnet_tf.training.optimizer import handle

FIRST_STEPS = 10  # as in tf.train.ExponentialMovingAverage


class WeightAverage(keras.layers.Layer):
    """Averages of weights, each on its weight's device.

    After step t, from 1, an average a becomes d a + (1 - d) w with
    d = min(decay, (1 + t) / (10 + t)), the rule of
    `tf.train.ExponentialMovingAverage`: of a short run it is the average of
    its last tenth or so, whatever the decay. Averages begin as the weights do.

    A layer, because weight files hold what layers hold: a resumed run goes on
    with its averages. Keras' optimizers have such averages too, but work on
    the default device.

    Args:
        weights: variables.
        decay: of the average, below 1.
    """

    def __init__(self, weights: Sequence[keras.Variable], decay: float) -> None:
        super().__init__(name="weight_average", trainable=False)
        self._decay = decay
        averages = []
        for number, weight in enumerate(weights):
            with tf.device(weight.value.device):
                average = self.add_weight(
                    name=f"average_{number}",
                    shape=weight.shape,
                    initializer="zeros",
                    trainable=False,
                    autocast=False,
                )
                average.assign(weight)
            averages.append(average)
        # This is a function, since Keras would save the weights of others, too.
        self._pairs = lambda: zip(weights, averages, strict=True)
        self.built = True

    def follow(self, steps: tf.Tensor) -> None:
        """Moves the averages towards the weights.

        Args:
            steps: number of updates that the weights have had.
        """
        steps = tf.cast(steps, tf.float32)
        decay = tf.minimum(self._decay, (1 + steps) / (FIRST_STEPS + steps))
        for weight, average in self._pairs():
            with tf.device(weight.value.device):
                # a - (1 - d) (a - w), in place.
                tf.raw_ops.ResourceApplyGradientDescent(
                    var=handle(average),
                    alpha=1 - decay,
                    delta=average.value - weight.value,
                )

    def scope(self) -> keras.StatelessScope:
        """A `with` block in which the weights read as their averages."""
        mapping = []
        for weight, average in self._pairs():
            with tf.device(weight.value.device):
                mapping.append((weight, tf.identity(average.value)))
        return keras.StatelessScope(mapping)
