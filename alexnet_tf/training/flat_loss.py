"""The alarm for a loss that does not leave ln(classes)."""

import math
import sys

import keras

from alexnet_tf.training.diagnosis import diagnose


class FlatLossAlarm(keras.callbacks.Callback):
    """Says so, once, when the loss has stayed that of a guess.

    The mean loss of each window of `steps` steps is compared with
    ln(classes), the loss of a network that says nothing about the image.

    Args:
        classes: number of classes.
        steps: length of a window.
        margin: share of ln(classes) within which the loss counts as flat.
        sample: function without arguments that returns training images,
            uint8 [B, crop, crop, 3].
        steps_done: function without arguments that returns the number of
            steps of this epoch before the present one.
    """

    def __init__(self, classes, steps, margin, sample, steps_done):
        super().__init__()
        self._guess = math.log(classes)
        self._steps = steps
        self._margin = margin
        self._sample = sample
        self._steps_done = steps_done
        self._window = []
        self._total = None
        self._raised = False

    def on_train_batch_end(self, batch, logs=None):
        # Keras reports the mean since the epoch began; the step's own loss is
        # the growth of the sum. A resumed epoch begins with an unknown sum.
        done = self._steps_done()
        total = logs["loss"] * (done + 1)
        if done == 0:
            self._window.append(total)
        elif self._total is not None:
            self._window.append(total - self._total)
        self._total = total
        if len(self._window) < self._steps:
            return
        mean = sum(self._window) / len(self._window)
        self._window.clear()
        if abs(mean - self._guess) < self._margin * self._guess:
            self._raise(mean)

    def _raise(self, mean):
        if self._raised:
            return
        self._raised = True
        diagnosis = diagnose(self.model.network, self._sample())
        dead = ", ".join(
            f"{name} {share:.0%}"
            for name, share in diagnosis.dead_share.items()
        )
        lines = [
            f"flat loss: {mean:.3f} over the last {self._steps} steps, and a "
            f"guess gives ln(classes) = {self._guess:.3f}",
            f"dead units: {dead}",
            f"dependence of fc7 on the image: {diagnosis.image_dependence:.3f}",
            *diagnosis.advice(float(self.model.optimizer.learning_rate)),
        ]
        print("\n  ".join(["", *lines]), file=sys.stderr, flush=True)
