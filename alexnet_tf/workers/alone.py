"""The processes that train one network together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import keras
import tensorflow as tf

from alexnet_tf.layers.tower_weights import is_bias, layer_of

if TYPE_CHECKING:
    from alexnet_tf.workers.joined import Joined

VALIDATION = "val_"
METRICS = ("loss", "top1_error", "top5_error")  # of `Trainer`
WISHES = STOP, SAVE = "stop", "save"


class Alone:
    """One process that trains by itself: the mean over workers is its own.

    `alexnet_tf.workers.joined.Joined` has the same methods for several.

    Attributes:
        rank: number of this worker, from 0; worker 0 writes the run folder.
        size: how many there are.
        device_prefix: what the names of this worker's devices begin with.
    """

    rank = 0
    size = 1
    device_prefix = ""

    def average_gradients(
        self,
        gradients: list[tf.Tensor],
        variables: list[keras.Variable],
        loss: tf.Tensor,
        may_overflow: bool = False,
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Means over all workers, inside a training step.

        Args:
            gradients: one tensor per variable, on the variable's device.
            variables: the trainable variables.
            loss: float32 scalar; where one worker's is not finite, the mean
                is not finite for all of them.
            may_overflow: whether gradients that are not finite belong to
                training. Otherwise those of one worker make the mean of the
                loss not finite. A worker alone looks at conv1's biases only,
                which the backward pass reaches last.

        Returns:
            (gradients, loss).
        """
        if not may_overflow:
            loss = tf.where(
                reached_with_finite_numbers(gradients, variables),
                loss,
                math.nan,
            )
        return gradients, loss

    def average_logs(
        self, logs: dict[str, float], weights: Mapping[str, float]
    ) -> dict[str, float]:
        """Weighted means over all workers, outside a graph.

        Args:
            logs: {name: number}.
            weights: {name: this worker's weight}.

        Returns:
            {name: mean}.
        """
        return logs

    def ask(self, what: str, wish: bool) -> None:
        """Tells the others, with the next step, whether this one wants to.

        Args:
            what: one of `WISHES`.
            wish: whether it does.
        """

    def agreed(self, what: str, wish: bool) -> bool:
        """Whether all do it after this step, since one has wanted to.

        Args:
            what: one of `WISHES`.
            wish: whether this worker wants to.
        """
        return wish

    def sum(self, numbers: list[float]) -> list[float]:
        """Sums over the workers, outside a graph: as many as `numbers`."""
        return numbers

    def wait_for_all(self) -> None:
        """Returns once every worker has called this."""

    def check_agreement(self, what: str, text: str) -> None:
        """Raises `UserError` where a worker has another text than worker 0.

        Args:
            what: what the text says, in words.
            text: to be the same everywhere.
        """

    def ranks_not_finite(self) -> list[int]:
        """Workers whose own loss or gradients of the last step were not."""
        return [self.rank]


ALONE = Alone()
Workers: TypeAlias = "Alone | Joined"


def reached_with_finite_numbers(
    gradients: list[tf.Tensor], variables: list[keras.Variable]
) -> tf.Tensor:
    """Whether the gradients of the first layer's biases are finite.

    To check all of them would mean to read all of them, for each step.
    """
    first = layer_of(variables[0])
    found = []
    for gradient, variable in zip(gradients, variables, strict=True):
        if layer_of(variable) == first and is_bias(variable):
            with tf.device(variable.value.device):
                found.append(tf.reduce_all(tf.math.is_finite(gradient)))
    return tf.reduce_all(tf.stack(found))


class AverageLogs(keras.callbacks.Callback):
    """Averages an epoch's logs over the workers, before others read them.

    All workers have seen as many training images, but perhaps not as many
    validation images, or none: Keras then has no logs of a validation, and
    all workers must average the same ones.

    Args:
        workers: `Alone` or `Joined`.
        validation_images: function without arguments that returns the number
            of validation images of all workers together.
    """

    def __init__(
        self, workers: Workers, validation_images: Callable[[], int]
    ) -> None:
        super().__init__()
        self._workers = workers
        self._validation_images = validation_images

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        workers = self._workers
        own = share(self._validation_images(), workers.rank, workers.size)
        if not own:
            measured = [n for n in METRICS if n in logs]
            logs.update({VALIDATION + name: 0.0 for name in measured})
        weights = {
            name: own if name.startswith(VALIDATION) else 1 for name in logs
        }
        logs.update(workers.average_logs(dict(logs), weights))


def share(count: int, rank: int, size: int) -> int:
    """How many of `count` things a worker has that takes every size-th."""
    return len(range(rank, count, size))
