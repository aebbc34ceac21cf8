"""What convolution and fully connected layer share: weights and exchange."""

from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.layers.exchange import received, sent, shared
from alexnet_tf.layers.gradients import add_bias
from alexnet_tf.layers.towers import TowerLayer

MOST_TOWERS = 2  # keeps the seeds of layers with one tower and two apart


class WeightedTowerLayer(TowerLayer):
    """Kernels, biases and an activation, divided over the towers.

    A subclass says what shape a tower's kernel has and how it transforms what
    the tower sees. Weights are float32; what is computed with them has the
    layer's compute dtype.

    Args:
        units: kernels or neurons over all towers, at least one for each; where
            they are no multiple the later towers have one more.
        exchange: True where the towers meet: each sees the joined output of
            all towers below instead of its own tower's alone.
        exchange_precision: "full", or "float16" for what crosses in an
            exchange, see `exchange.sent`; a tower's own stays as it is.
        activation: name of a Keras activation, or None.
        weight_std: standard deviation of the initial weights, drawn from a
            normal distribution with mean 0.
        bias: initial value of every bias.
        seed: integer; the initial weights are a function of it.
        **kwargs: see `TowerLayer`.
    """

    def __init__(
        self,
        units: int,
        *,
        exchange: bool = False,
        exchange_precision: str = "full",
        activation: Any = "relu",
        weight_std: float = 0.01,
        bias: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if units < self.towers:
            raise ValueError(
                f"{units} units cannot be divided over {self.towers} towers"
            )
        self.units = units
        self.exchange = exchange
        self.exchange_precision = exchange_precision
        self.activation = keras.activations.get(activation)
        self.weight_std = weight_std
        self.bias = bias
        self.seed = seed

    def units_of(self, tower: int) -> int:
        """How many of the units are a tower's."""
        first, end = (
            self.units * number // self.towers for number in (tower, tower + 1)
        )
        return end - first

    def kernel_shape(
        self, visible_shape: tuple[Any, ...], units: int
    ) -> tuple[int, ...]:
        """Shape of one tower's kernel, given the shape of what it sees."""
        raise NotImplementedError

    def transform(self, visible: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Applies a kernel to what a tower sees."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        self.kernels = [
            self.add_tower_weight(
                tower,
                "kernel",
                shape=self.kernel_shape(
                    self._visible_shape(input_shape, tower),
                    self.units_of(tower),
                ),
                initializer=keras.initializers.RandomNormal(
                    stddev=self.weight_std,
                    seed=self.seed * MOST_TOWERS + tower,
                ),
            )
            for tower in range(self.towers)
        ]
        self.biases = [
            self.add_tower_weight(
                tower,
                "bias",
                shape=(self.units_of(tower),),
                initializer=keras.initializers.Constant(self.bias),
            )
            for tower in range(self.towers)
        ]

    def _visible_shape(self, input_shape: Any, tower: int) -> tuple[Any, ...]:
        # A saved config gives a single shape as a list, too.
        if not isinstance(input_shape[0], list | tuple):
            return tuple(input_shape)
        own = tuple(input_shape[tower])
        if not self.exchange:
            return own
        return (*own[:-1], sum(shape[-1] for shape in input_shape))

    def call(self, inputs: tf.Tensor | list[tf.Tensor]) -> list[tf.Tensor]:
        return [
            self.on_tower(
                tower,
                self.one_tower,
                tf.convert_to_tensor(self.kernels[tower]),
                tf.convert_to_tensor(self.biases[tower]),
                *seen,
            )
            for tower, seen in enumerate(self._seen_by_each(inputs))
        ]

    @property
    def rounds_what_crosses(self) -> bool:
        """Whether what a tower sees of another's is rounded to float16."""
        return self.exchange and self.exchange_precision == "float16"

    def _seen_by_each(
        self, inputs: tf.Tensor | list[tf.Tensor]
    ) -> list[list[tf.Tensor]]:
        """For each tower the list of tensors that it sees."""
        towers = range(self.towers)
        if not isinstance(inputs, list):
            return [[inputs] for _ in towers]
        if not self.exchange:
            return [[inputs[tower]] for tower in towers]
        if not self.rounds_what_crosses:
            copies = [
                shared(self.device(sender), x, self.towers)
                for sender, x in enumerate(inputs)
            ]
            return [[copy[tower] for copy in copies] for tower in towers]
        kept_and_sent = [
            sent(self.device(sender), x, kept=sender < self.towers)
            for sender, x in enumerate(inputs)
        ]
        return [
            [
                kept
                if sender == tower
                else received(self.device(tower), half, self.compute_dtype)
                for sender, (kept, half) in enumerate(kept_and_sent)
            ]
            for tower in towers
        ]

    def one_tower(
        self, kernel: tf.Tensor, bias: tf.Tensor, *seen: tf.Tensor
    ) -> tf.Tensor:
        """Output of one kernel and bias for the tensors that it sees."""
        return self.activation(self.before_activation(kernel, bias, *seen))

    def before_activation(
        self, kernel: tf.Tensor, bias: tf.Tensor, *seen: tf.Tensor
    ) -> tf.Tensor:
        """The same without the activation."""
        visible = seen[0] if len(seen) == 1 else tf.concat(seen, axis=-1)
        visible, kernel, bias = (
            tf.cast(x, self.compute_dtype) for x in (visible, kernel, bias)
        )
        return add_bias(self.transform(visible, kernel), bias)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "exchange": self.exchange,
            "exchange_precision": self.exchange_precision,
            "activation": keras.activations.serialize(self.activation),
            "weight_std": self.weight_std,
            "bias": self.bias,
            "seed": self.seed,
        }


def layer_of(variable: keras.Variable) -> str:
    """Name of the layer that a variable belongs to."""
    return variable.path.rpartition("/")[0].rpartition("/")[2]


def is_bias(variable: keras.Variable) -> bool:
    """True for a bias variable: the only weights with a single axis."""
    return len(variable.shape) == 1
