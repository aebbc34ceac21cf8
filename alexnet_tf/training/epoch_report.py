"""What is measured and shown while an epoch goes on and at its end."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from alexnet_tf.evaluation.by_class import balanced_accuracy, macro_f1
from alexnet_tf.layers.tower_weights import is_bias
from alexnet_tf.network import weighted_layers
from alexnet_tf.run.progress import UPDATE_RATIO
from alexnet_tf.terminal.progress import ProgressReport

if TYPE_CHECKING:
    import tensorflow as tf

    from alexnet_tf.training.trainer import Trainer
    from alexnet_tf.workers.alone import Workers


class ClassScores(keras.callbacks.Callback):
    """Adds the validation's balanced accuracy and macro F1 to the logs.

    Of all workers' images together: they are no means of the workers' own.

    Args:
        workers: those that validate together.
    """

    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self._workers = workers

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        counts = self.model.class_counts
        counts.assign(np.zeros(counts.shape))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        own = self.model.class_counts.numpy()
        total = np.reshape(self._workers.sum(own.ravel().tolist()), own.shape)
        logs["val_balanced_accuracy"] = balanced_accuracy(*total)
        logs["val_macro_f1"] = macro_f1(*total)


class EpochReport(keras.callbacks.Callback):
    """Adds learning rate, speed and update ratios to the epoch's logs.

    First among the callbacks, so that all others see the same numbers:
    `learning_rate`; `images_per_second` of training, without validation;
    `update_ratio/LAYER`, the norm of the last update of the layer's kernels
    over the norm of the kernels.

    Args:
        images_per_step: batch size.
    """

    def __init__(self, images_per_step: int) -> None:
        super().__init__()
        self._images_per_step = images_per_step

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._steps = 0
        self._begin = self._end = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._steps += 1
        self._end = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        seconds = max(self._end - self._begin, 1e-9)
        images = self._steps * self._images_per_step
        logs["images_per_second"] = images / seconds
        logs["learning_rate"] = self.model.optimizer.present_lr
        logs.update(update_ratios(self.model))


def update_ratios(trainer: Trainer) -> dict[str, float]:
    """{"update_ratio/conv1": ...}: how far the last step moved each layer.

    A healthy layer moves by about a thousandth of its weights' norm. The
    velocity is the last update, so nothing has to be remembered.
    """
    network, optimizer = trainer.network, trainer.optimizer
    velocities = dict(
        zip(
            (v.path for v in network.trainable_variables),
            optimizer.velocities,
            strict=True,
        )
    )
    ratios = {}
    for layer in network.layers:
        kernels = [v for v in layer.trainable_variables if not is_bias(v)]
        if kernels:
            # A frozen layer's velocity stands still, as its weights do.
            update = (
                0.0
                if layer.name in trainer.frozen
                or optimizer.is_frozen(layer.name)
                else _norm([velocities[k.path] for k in kernels])
            )
            ratios[f"{UPDATE_RATIO}/{layer.name}"] = update / _norm(kernels)
    return ratios


def _norm(variables: Iterable[keras.Variable | tf.Variable]) -> float:
    # The sum is in float64: the squares of large, finite weights overflow in
    # float32.
    return float(
        np.linalg.norm(
            [np.linalg.norm(v.numpy().astype(np.float64)) for v in variables]
        )
    )


class LayerTable(keras.callbacks.Callback):
    """Prints how each layer begins and learns, before the first epoch.

    After the callbacks that set rates.

    Args:
        taken: names of the layers whose weights were another network's.
    """

    def __init__(self, taken: Collection[str]) -> None:
        super().__init__()
        self._taken = taken
        self._printed = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self._printed:
            self._printed = True
            print("\n".join(self._lines()), flush=True)

    def _lines(self) -> Iterator[str]:
        trainer, optimizer = self.model, self.model.optimizer
        yield "layer       begins  learning rate  of biases"
        for layer in weighted_layers(trainer.network):
            name = layer.name
            rates = optimizer.rates(name, optimizer.learning_rate)
            words = "{:<13.6g}  {:.6g}".format(*map(float, rates))
            if name in trainer.frozen or optimizer.is_frozen(name):
                words = "frozen"
            begins = "taken" if name in self._taken else "new"
            yield f"{name:10}  {begins:6}  {words}"


class TrainingProgress(keras.callbacks.Callback):
    """Shows images done, images/s, time left, loss and top-1 error.

    Args:
        epochs: number of epochs planned.
        batch_size: images in a batch.
    """

    def __init__(self, epochs: int, batch_size: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._batch_size = batch_size
        self._report: ProgressReport | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._report = ProgressReport(
            f"epoch {epoch + 1}/{self._epochs}",
            self.params["steps"] * self._batch_size,
        )
        self._report.__enter__()

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        assert self._report  # since the epoch began
        self._report.advance(
            self._batch_size,
            f"loss {logs['loss']:.3f}, top-1 error {logs['top1_error']:.3f}",
        )

    def on_test_begin(self, logs: Any = None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the bar, also when training was interrupted."""
        if self._report:
            self._report.__exit__(None, None, None)
            self._report: ProgressReport | None = None
