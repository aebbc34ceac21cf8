"""The paper's update rule (Krizhevsky et al. 2012, section 5)."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.layers.tower_weights import is_bias, layer_of

FOLLOWS_LR = -1.0  # a layer's own learning rate, while it has none


@keras.saving.register_keras_serializable("alexnet_tf")
class PaperSGD(keras.optimizers.Optimizer):
    """v <- m v - wd lr w - lr g;  w <- w + v.

    The weight decay passes through the velocity. Keras' `SGD(momentum,
    weight_decay)` shrinks the weights beside it, ten times less in effect at
    m = 0.9; PyTorch's keeps lr out of the velocity and differs after every
    drop of the learning rate.

    Args:
        learning_rate: lr.
        momentum: m.
        weight_decay: wd.
        bias_lr_multiplier: factor on lr for biases (2 in the 2012 code).
        decay_biases: whether biases decay too.
        bias_lr: lr of all biases, whatever the weights' is; 0: their lr times
            `bias_lr_multiplier`. `set_bias_lr` changes it.
        scheduled_layers: names of the layers that `set_layer_lr` may name.
        lr_multipliers: (name, factor), the name that of a layer, such as
            "fc8", or of its biases alone, "fc8.bias": what their rate is
            multiplied by while the layer has none of its own; a `bias_lr` is
            always.
        warms_up: whether `set_warmup` may be called.
        layer_decays: (name, wd) of layers whose decay is another one, as all
            of the 2012 networks for CIFAR-10 have it.
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.9,
        weight_decay: float = 0.0005,
        bias_lr_multiplier: float = 1.0,
        decay_biases: bool = True,
        bias_lr: float = 0.0,
        scheduled_layers: Iterable[str] = (),
        lr_multipliers: Iterable[tuple[str, float]] = (),
        warms_up: bool = False,
        layer_decays: Iterable[tuple[str, float]] = (),
        name: str = "paper_sgd",
        **kwargs: Any,
    ) -> None:
        # With another weight_decay than None Keras' own decay would act a
        # second time.
        super().__init__(
            learning_rate=learning_rate, weight_decay=None, name=name, **kwargs
        )
        self.momentum = momentum
        self.decay = weight_decay
        self.bias_lr_multiplier = bias_lr_multiplier
        self.decay_biases = decay_biases
        self.bias_lr = bias_lr
        self.scheduled_layers = tuple(scheduled_layers)
        self.lr_multipliers = tuple(
            (layer, factor) for layer, factor in lr_multipliers
        )
        self.warms_up = warms_up
        self.layer_decays = tuple(
            (layer, decay) for layer, decay in layer_decays
        )
        # These are no variables of the optimizer: they follow from the epoch,
        # or the step.
        self._bias_lr = tf.Variable(bias_lr, trainable=False)
        self._warmup = tf.Variable(1.0, trainable=False)
        self._layer_lrs = {
            layer: tf.Variable(FOLLOWS_LR, trainable=False)
            for layer in self.scheduled_layers
        }

    def set_layer_lr(self, layer: str, lr: float = FOLLOWS_LR) -> None:
        """Gives a layer its own learning rate.

        Args:
            layer: one of `scheduled_layers`.
            lr: of its kernels, and of its biases unless there is a `bias_lr`.
                0 freezes the layer: neither weights nor velocities change.
                `FOLLOWS_LR`: that of the other layers.
        """
        self._layer_lrs[layer].assign(lr)

    def set_bias_lr(self, lr: float) -> None:
        """Changes a `bias_lr` above 0."""
        self._bias_lr.assign(lr)

    @property
    def warmup(self) -> float:
        """The factor on all rates, 1 but in the first steps of a warm-up."""
        return float(self._warmup)

    @property
    def present_lr(self) -> float:
        """The rate of all that has no other one, warm-up included."""
        return float(self.learning_rate) * self.warmup

    def set_warmup(self, factor: float) -> None:
        """Changes the factor on all rates."""
        self._warmup.assign(factor)

    def is_frozen(self, layer: str) -> bool:
        """Whether the layer of that name has a rate of its own, 0."""
        return layer in self._layer_lrs and not self._layer_lrs[layer]

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")
        # The paths are taken now: what `update_step` gets does not know its
        # own.
        self._layer_of = [layer_of(variable) for variable in variables]

    def update_step(
        self,
        gradient: tf.Tensor,
        variable: keras.Variable,
        learning_rate: tf.Tensor,
    ) -> None:
        layer = self._layer_of[self._get_variable_index(variable)]
        # Without the device scope the weights, velocities and gradients would
        # travel to the default device every step.
        with tf.device(variable.device):
            of_kernels, of_biases = self.rates(layer, learning_rate)
            lr = of_biases if is_bias(variable) else of_kernels
            decay = dict(self.layer_decays).get(layer, self.decay)
            if is_bias(variable) and not self.decay_biases:
                decay = 0.0
            if layer not in self._layer_lrs:
                self._move(gradient, variable, lr, decay)
                return
            tf.cond(
                self._layer_lrs[layer] == 0,
                lambda: None,
                lambda: self._move(gradient, variable, lr, decay),
            )

    def rates(
        self, layer: str, learning_rate: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What the kernels and the biases of a layer learn with.

        Args:
            layer: its name.
            learning_rate: of all that has no other rate, a scalar, warm-up
                included.

        Returns:
            (rate of its kernels, rate of its biases), scalars.
        """
        factors = dict(self.lr_multipliers)
        of_kernels = factors.get(layer, 1.0)
        of_biases = factors.get(f"{layer}.bias", of_kernels)
        lr = learning_rate
        if layer in self._layer_lrs:
            own_lr = self._layer_lrs[layer]
            follows = own_lr == FOLLOWS_LR
            lr = tf.where(follows, learning_rate, self._warmed(own_lr))
            of_kernels = tf.where(follows, of_kernels, 1.0)
            if not self.bias_lr:  # which a layer's own rate does not replace
                of_biases = tf.where(follows, of_biases, 1.0)
        lr_of_biases = lr * self.bias_lr_multiplier
        if self.bias_lr:
            lr_of_biases = self._warmed(self._bias_lr)
        return lr * of_kernels, lr_of_biases * of_biases

    def _warmed(self, rate: Any) -> Any:
        return rate * self._warmup if self.warms_up else rate

    def _move(
        self,
        gradient: tf.Tensor,
        variable: keras.Variable,
        learning_rate: tf.Tensor,
        decay: float,
    ) -> None:
        with tf.device(variable.device):
            w = variable
            v = self.velocities[self._get_variable_index(variable)]
            g = tf.cast(gradient, w.dtype)
            lr = tf.cast(learning_rate, w.dtype)
            move_in_place(w, v, g, lr, self.momentum, decay)

    def _backend_update_step(
        self,
        grads: list[tf.Tensor],
        trainable_variables: list[keras.Variable],
        learning_rate: Any,
    ) -> None:
        # The rate is read once: each weight would otherwise send for it.
        rate = tf.convert_to_tensor(learning_rate)
        super()._backend_update_step(
            grads, trainable_variables, self._warmed(rate)
        )

    def _all_reduce_sum_gradients(
        self, grads_and_vars: Iterable[tuple[tf.Tensor, tf.Variable]]
    ) -> list[tuple[tf.Tensor, tf.Variable]]:
        # With one replica the sum is the gradient itself, but Keras sends it
        # through an identity on the default device.
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return list(grads_and_vars)
        return super()._all_reduce_sum_gradients(grads_and_vars)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "weight_decay": self.decay,
            "bias_lr_multiplier": self.bias_lr_multiplier,
            "decay_biases": self.decay_biases,
            "bias_lr": self.bias_lr,
            "scheduled_layers": self.scheduled_layers,
            "lr_multipliers": self.lr_multipliers,
            "warms_up": self.warms_up,
            "layer_decays": self.layer_decays,
        }


def move_in_place(
    w: tf.Variable,
    v: tf.Variable,
    g: tf.Tensor,
    lr: tf.Tensor,
    m: float,
    wd: float,
) -> None:
    """v <- m v - wd lr w - lr g;  w <- w + v, in two passes over the memory.

    Written as arithmetic it makes a tensor of the variable's size for every
    product and sum, which takes twice as long on a CPU.

    Args:
        w, v: variables; both change.
        g: tensor like them.
        lr: scalar tensor of their dtype.
        m, wd: numbers.
    """
    if wd and m:
        # The rule holds since m (v - wd lr / m w) = m v - wd lr w.
        tf.raw_ops.ResourceApplyGradientDescent(
            var=handle(v), alpha=lr * (wd / m), delta=w
        )
    elif wd:
        g = g + wd * w
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=handle(w), accum=handle(v), lr=lr, grad=g, momentum=m
    )


def handle(variable: keras.Variable | tf.Variable) -> tf.Tensor:
    """The resource of a Keras or a TensorFlow variable."""
    if isinstance(variable, keras.Variable):
        variable = variable.value
    return variable.handle


def make_optimizer(train: ConfigDict) -> PaperSGD:
    """The paper's update rule with a config's `train` section."""
    return PaperSGD(
        train.lr,
        momentum=train.momentum,
        weight_decay=train.weight_decay,
        bias_lr_multiplier=train.bias_lr_multiplier,
        decay_biases=train.decay_biases,
        bias_lr=train.bias_lr,
        scheduled_layers=scheduled_layers(train.layer_lrs),
        lr_multipliers=train.lr_multipliers,
        warms_up=train.warmup_epochs > 0,
    )


def scheduled_layers(layer_lrs: Any) -> tuple[str, ...]:
    """Names of the layers in a `layer_lrs` of a `Schedule`, each once."""
    return tuple(sorted({layer for layer, _, _ in layer_lrs}))
