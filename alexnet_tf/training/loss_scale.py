"""Loss scaling, without which small gradients vanish in float16."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

FIRST_SCALE = 2.0**15
STEPS_TO_DOUBLE = 2000
OVERFLOW_UNSCALED = "gradient is not finite even at a loss scale of 1"


class LossScale(keras.layers.Layer):
    """A factor on the loss that follows the range of float16.

    Gradients that overflow halve it and the step is left out; after
    `STEPS_TO_DOUBLE` steps without overflow it doubles. Micikevicius et al.
    2018, "Mixed Precision Training", section 3.2.

    Keras' `LossScaleOptimizer` looks at all gradients on the default device,
    so that with towers on two devices every one of them crosses. Here only
    scalars do. A layer, because weight files hold what layers hold: a resumed
    run goes on with its scale.
    """

    def __init__(self) -> None:
        super().__init__(name="loss_scale", trainable=False)
        self._scale = self.add_weight(
            name="scale",
            shape=(),
            initializer=keras.initializers.Constant(FIRST_SCALE),
        )
        self._good_steps = self.add_weight(
            name="good_steps", shape=(), dtype="int64", initializer="zeros"
        )
        self.built = True

    def load_own_variables(self, store: Any) -> None:
        # A run that began in another precision has saved no scale.
        if len(store.keys()):
            super().load_own_variables(store)

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss times the scale."""
        return loss * self._scale.value

    def unscaled(
        self, gradients: list[tf.Tensor], variables: list[keras.Variable]
    ) -> list[tf.Tensor]:
        """The gradients of the loss itself, each on its variable's device."""
        factor = 1 / self._scale.value
        return _on_devices(lambda g: g * factor, gradients, variables)

    def follow(self, finite: tf.Tensor) -> None:
        """Sets the scale of the next step.

        Args:
            finite: bool scalar, whether this step's gradients were finite.

        Raises:
            tf.errors.InvalidArgumentError: the gradients of the loss itself
                are not finite; nothing smaller would help.
        """
        possible = tf.debugging.assert_equal(
            finite | (self._scale.value > 1),
            True,
            message=OVERFLOW_UNSCALED,
        )
        good = tf.where(finite, self._good_steps.value + 1, 0)
        grows = good == STEPS_TO_DOUBLE
        factor = tf.where(grows, 2.0, tf.where(finite, 1.0, 0.5))
        with tf.control_dependencies([possible]):
            self._scale.assign(self._scale.value * factor)
            self._good_steps.assign(tf.where(grows, tf.zeros_like(good), good))


def all_finite(
    gradients: list[tf.Tensor], variables: list[keras.Variable]
) -> tf.Tensor:
    """Bool scalar; each gradient is looked at on its variable's device."""
    finite = _on_devices(
        lambda g: tf.reduce_all(tf.math.is_finite(g)), gradients, variables
    )
    return tf.reduce_all(finite)


def _on_devices(
    function: Callable[[tf.Tensor], tf.Tensor],
    gradients: list[tf.Tensor],
    variables: list[keras.Variable],
) -> list[tf.Tensor]:
    results = []
    for gradient, variable in zip(gradients, variables, strict=True):
        with tf.device(variable.value.device):
            results.append(function(gradient))
    return results
