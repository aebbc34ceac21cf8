"""What convolution and fully connected layer share: weights and exchange."""

import keras
import tensorflow as tf

from alexnet_tf.layers.gradients import gradient_scope
from alexnet_tf.layers.towers import TowerLayer

MOST_TOWERS = 2  # keeps the seeds of layers with one tower and two apart


class WeightedTowerLayer(TowerLayer):
    """Kernels, biases and an activation, divided over the towers.

    A subclass says what shape a tower's kernel has and how it transforms what
    the tower sees. Weights are float32; what is computed with them has the
    layer's compute dtype.

    Args:
        units: kernels or neurons over all towers, a multiple of `towers`.
        exchange: True where the towers meet: each sees the joined output of
            all towers below instead of its own tower's alone.
        activation: name of a Keras activation, or None.
        weight_std: standard deviation of the initial weights, drawn from a
            normal distribution with mean 0.
        bias: initial value of every bias.
        seed: integer; the initial weights are a function of it.
        **kwargs: see `TowerLayer`.
    """

    def __init__(
        self,
        units,
        exchange=False,
        activation="relu",
        weight_std=0.01,
        bias=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if units % self.towers:
            raise ValueError(
                f"{units} units cannot be divided over {self.towers} towers"
            )
        self.units = units
        self.exchange = exchange
        self.activation = keras.activations.get(activation)
        self.weight_std = weight_std
        self.bias = bias
        self.seed = seed

    def kernel_shape(self, visible_shape):
        """Shape of one tower's kernel, given the shape of what it sees."""
        raise NotImplementedError

    def transform(self, visible, kernel):
        """Applies a kernel to what a tower sees."""
        raise NotImplementedError

    def build(self, input_shape):
        visible = self._visible_shape(input_shape)
        self.kernels = [
            self.add_tower_weight(
                tower,
                "kernel",
                shape=self.kernel_shape(visible),
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
                shape=(self.units // self.towers,),
                initializer=keras.initializers.Constant(self.bias),
            )
            for tower in range(self.towers)
        ]

    def _visible_shape(self, input_shape):
        # A saved config gives a single shape as a list, too.
        if not isinstance(input_shape[0], list | tuple):
            return tuple(input_shape)
        own = tuple(input_shape[0])
        if not self.exchange:
            return own
        return (*own[:-1], sum(shape[-1] for shape in input_shape))

    def call(self, inputs):
        return [
            self.on_tower(
                tower,
                self.one_tower,
                tf.convert_to_tensor(self.kernels[tower]),
                tf.convert_to_tensor(self.biases[tower]),
                *self._seen_by(tower, inputs),
            )
            for tower in range(self.towers)
        ]

    def _seen_by(self, tower, inputs):
        if not isinstance(inputs, list):
            return [inputs]
        return inputs if self.exchange else [inputs[tower]]

    def one_tower(self, kernel, bias, *seen):
        """Output of one kernel and bias for the tensors that it sees."""
        return self.activation(self.before_activation(kernel, bias, *seen))

    def before_activation(self, kernel, bias, *seen):
        """The same without the activation."""
        visible = seen[0] if len(seen) == 1 else tf.concat(seen, axis=-1)
        visible, kernel, bias = (
            tf.cast(x, self.compute_dtype) for x in (visible, kernel, bias)
        )
        return add_bias(self.transform(visible, kernel), bias)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "exchange": self.exchange,
            "activation": keras.activations.serialize(self.activation),
            "weight_std": self.weight_std,
            "bias": self.bias,
            "seed": self.seed,
        }


@tf.custom_gradient
def add_bias(maps, bias):
    """`tf.nn.bias_add`, whose bias gradient is a product with ones.

    TensorFlow's own is merged into the gradient of a convolution's kernels on a
    CPU, which then takes up to a third longer than both by themselves.

    Args:
        maps: [..., C].
        bias: [C].

    Returns:
        A tensor like `maps`.
    """

    named = gradient_scope()

    def gradient(upstream):
        with named():
            rows = tf.reshape(upstream, [-1, bias.shape[0]])
            ones = tf.ones([1, tf.shape(rows)[0]], rows.dtype)
            return upstream, tf.matmul(ones, rows)[0]

    return tf.nn.bias_add(maps, bias), gradient


def layer_of(variable):
    """Name of the layer that a variable belongs to."""
    return variable.path.rpartition("/")[0].rpartition("/")[2]


def is_bias(variable):
    """True for a bias variable: the only weights with a single axis."""
    return len(variable.shape) == 1
