"""All that changes learning rates: plateau, by hand, by formula, by layer."""

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import keras
from ml_collections import ConfigDict

from alexnet_tf.evaluation.by_class import TOP1, monitored_error
from alexnet_tf.training.optimizer import FOLLOWS_LR, scheduled_layers

ROUNDING = 1e-6  # more than float32 rounds an error, less than an image counts


def make_lr_drops(train: ConfigDict) -> "LrDrops":
    """The callback that lowers the learning rate.

    Args:
        train: the `train` section of a config.
    """
    if train.lr_schedule.kind != "none":
        return ByFormula(train.lr_schedule, train.lr, train.epochs)
    if train.lr_drop_epochs:
        return DropsByHand(train.lr_drop_factor, train.lr_drop_epochs)
    return PlateauDrops(
        train.lr_drop_factor,
        train.patience,
        train.min_improvement,
        train.lr_drops,
        monitor=train.monitor,
    )


class PlateauDrops(keras.callbacks.Callback):
    """Drops the learning rate when validation error stops improving.

    After `drops` drops the next plateau ends the training, as in the paper. A
    run that ended so and goes on with more drops makes the one that it would
    have made then.

    Args:
        factor: what the learning rate is multiplied by.
        patience: epochs without improvement before a drop.
        min_improvement: smallest decrease of the error, a fraction, that
            counts as one; of 0, any decrease.
        drops: number of drops.
        monitor: which error of a validation, see `monitored_error`.

    Attributes:
        finished: whether the last plateau has ended the training.
    """

    SAVED = ("wait", "best", "drops_done", "finished")

    def __init__(
        self,
        factor: float,
        patience: int,
        min_improvement: float,
        drops: int,
        *,
        monitor: str = TOP1,
    ) -> None:
        super().__init__()
        self._factor = factor
        self._patience = patience
        self._min_improvement = min_improvement
        self._drops = drops
        self._monitor = monitor
        self._owes_a_drop = False
        self.wait = 0
        self.best = math.inf
        self.drops_done = 0
        self.finished = False

    def on_train_begin(self, logs: Any = None) -> None:
        if self._owes_a_drop:
            self._owes_a_drop = False
            self._drop()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        error = monitored_error(logs, self._monitor)
        if self._is_improvement(error):
            self.best, self.wait = error, 0
            return
        self.wait += 1
        if self.wait < self._patience:
            return
        self.wait = 0
        if self.drops_done < self._drops:
            self._drop()
            return
        self.model.stop_training = self.finished = True
        print(
            f"validation error stopped improving after {self.drops_done} "
            "drops of the learning rate: done"
        )

    def _is_improvement(self, error: float) -> bool:
        # A value of NaN is no improvement, since no comparison with it is true.
        decrease = self.best - error
        return decrease > 0 and decrease >= self._min_improvement - ROUNDING

    def _drop(self) -> None:
        optimizer = self.model.optimizer
        before = float(optimizer.learning_rate)
        optimizer.learning_rate = before * self._factor
        self.drops_done += 1
        print(
            f"validation error stopped improving: learning rate {before:g} "
            f"to {before * self._factor:g}, drop {self.drops_done} of "
            f"{self._drops}"
        )

    def saved_state(self) -> dict[str, Any]:
        """What `restore` needs, as a dict that JSON can hold."""
        return {name: getattr(self, name) for name in self.SAVED}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `saved_state`."""
        for name in self.SAVED:
            setattr(self, name, state.get(name, getattr(self, name)))
        # Earlier versions saved None or NaN where there was no best yet.
        if self.best is None or math.isnan(self.best):
            self.best = math.inf
        self._owes_a_drop = self.finished and self.drops_done < self._drops
        self.finished = self.finished and not self._owes_a_drop


class _ByEpoch(keras.callbacks.Callback):
    """A learning rate that the number of the epoch decides.

    Attributes:
        finished: False; only the number of epochs ends the training.
    """

    finished = False

    def saved_state(self) -> dict[str, Any]:
        """Nothing: the epoch decides."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing: the epoch decides."""


class DropsByHand(_ByEpoch):
    """Drops the learning rate after chosen epochs, as the 2012 code did.

    Args:
        factor: what the learning rate is multiplied by.
        epochs: numbers of completed epochs after which it is.
    """

    def __init__(self, factor: float, epochs: Iterable[int]) -> None:
        super().__init__()
        self._factor = factor
        self._epochs = tuple(epochs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 in self._epochs:
            optimizer = self.model.optimizer
            optimizer.learning_rate = (
                float(optimizer.learning_rate) * self._factor
            )


class ByFormula(_ByEpoch):
    """Sets the learning rate before every epoch from its number alone.

    Args:
        schedule: an `lr_schedule` section of a config.
        lr: its first rate.
        epochs: number of epochs over which it falls.
    """

    def __init__(self, schedule: ConfigDict, lr: float, epochs: int) -> None:
        super().__init__()
        self._schedule, self._lr, self._epochs = schedule, lr, epochs

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = self.lr_at(epoch)

    def lr_at(self, epoch: int) -> float:
        """The rate of an epoch, from 0."""
        return lr_at(self._schedule, self._lr, epoch, self._epochs)


LrDrops: TypeAlias = PlateauDrops | DropsByHand | ByFormula


def lr_at(schedule: ConfigDict, lr: float, epoch: int, epochs: int) -> float:
    """The rate of an epoch, as the 2012 code had it when the epoch began.

    With F the schedule's factor and p the progress, epoch / epochs, the rate is
    lr (1 - p) + lr / F p where it falls linearly and lr F^-p where it does
    exponentially. As a cosine, which the 2012 code does not have, it is
    lr / F + (lr - lr / F) (1 + cos(pi p)) / 2. Stepwise it is
    lr F^-(i / (levels - 1)) for the i-th of `levels` equal parts of the run.
    Jumping, it is the geometric mean of a part's rate and the one before from
    the middle of the part on, but in the first part, up to p = 0.2 and from
    p = 0.9 on. The 2012 code went on within the epoch; its parts could end
    there.

    Args:
        schedule: an `lr_schedule` section of a config.
        lr: the first rate.
        epoch: number of completed epochs.
        epochs: number of epochs of the run.
    """
    progress, factor = epoch / epochs, schedule.factor
    level = epoch * schedule.levels // epochs  # in integers: exact at its ends
    match schedule.kind:
        case "linear":
            return lr * (1 - progress) + lr / factor * progress
        case "exponential":
            return lr * factor**-progress
        case "cosine":
            last = lr / factor
            return last + (lr - last) * (1 + math.cos(math.pi * progress)) / 2
        case "jumping" if (
            level > 0
            and 0.2 < progress < 0.9
            and progress * schedule.levels > level + 0.5
        ):
            level -= 0.5
        case "none":
            return lr
    return lr * factor ** -(level / (schedule.levels - 1))


class WarmUp(keras.callbacks.Callback):
    """Lets all learning rates grow linearly over the first steps.

    Step t of n, from 1, has t / n of them (Goyal et al. 2017, section 2.2).
    From the number of a step alone, so that a resumed run does what it would
    have done.

    Args:
        steps: n.
        steps_done: function without arguments that returns the number of
            completed steps of the run.
    """

    def __init__(self, steps: int, steps_done: Callable[[], int]) -> None:
        super().__init__()
        self._steps, self._steps_done = steps, steps_done

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        done = self._steps_done()
        if done < self._steps:  # later the factor stays 1
            self.model.optimizer.set_warmup((done + 1) / self._steps)


class Schedule(keras.callbacks.Callback):
    """Sets rates of single layers and of biases, and lighting on or off.

    Before every epoch and from its number alone, so that a resumed run does
    what it would have done.

    Args:
        layer_lrs: (layer, epochs, lr) for each change: after so many epochs
            the layer has its own lr, or is frozen where lr is 0.
        lighting_epochs: number of epochs with lighting; 0: all.
        bias_lr: from the number of completed epochs to the biases' rate;
            None: it stays.
    """

    def __init__(
        self,
        layer_lrs: Any = (),
        lighting_epochs: int = 0,
        bias_lr: Callable[[int], float] | None = None,
    ) -> None:
        super().__init__()
        self._layer_lrs = layer_lrs
        self._lighting_epochs = lighting_epochs
        self._bias_lr = bias_lr

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for layer, lr in layer_lrs_at(self._layer_lrs, epoch).items():
            self.model.optimizer.set_layer_lr(layer, lr)
        if self._bias_lr:
            self.model.optimizer.set_bias_lr(self._bias_lr(epoch))
        if self._lighting_epochs:
            lighting = self.model.network.get_layer("lighting")
            lighting.switch(epoch < self._lighting_epochs)


def make_schedule(train: ConfigDict) -> Schedule:
    """The `Schedule` of the `train` section of a config."""

    def bias_lr(epoch: int) -> float:
        return lr_at(train.bias_lr_schedule, train.bias_lr, epoch, train.epochs)

    changes = train.bias_lr_schedule.kind != "none"
    return Schedule(
        train.layer_lrs, train.lighting_epochs, bias_lr if changes else None
    )


def layer_lrs_at(layer_lrs: Any, epoch: int) -> dict[str, float]:
    """{layer: its lr, FOLLOWS_LR before its first change}.

    Args:
        layer_lrs: see `Schedule`, in any order.
        epoch: number of completed epochs.
    """
    rates = dict.fromkeys(scheduled_layers(layer_lrs), FOLLOWS_LR)
    for layer, epochs, lr in sorted(layer_lrs, key=lambda change: change[1]):
        if epochs <= epoch:
            rates[layer] = lr
    return rates
