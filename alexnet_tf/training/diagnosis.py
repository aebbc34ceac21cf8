"""What a network that does not learn, or does not fit, looks like."""

import contextlib
import dataclasses
import json
import math
import pathlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.network import weighted_layers
from alexnet_tf.run.folder import Run

DEAD_SHARE = 0.9  # of a layer's units: more is a dead layer
FAINT_SIGNAL = 0.05  # standard deviation over mean of fc7: less is no signal


class NotFinite(Exception):
    """Numbers that are not finite were about to be saved as good.

    Its message is a clause, such as "weights of fc6 are not finite".
    """


def require_finite(network: keras.Model, optimizer: keras.Optimizer) -> None:
    """Raises `NotFinite` where a weight or a velocity is not finite.

    A loss tells of most of them, but not of one that a ReLU turns into zero.
    """
    broken = [
        layer.name for layer in network.layers if not _finite(layer.variables)
    ]
    if broken:
        raise NotFinite(f"weights of {', '.join(broken)} are not finite")
    if not _finite(optimizer.variables):
        raise NotFinite("velocities of the optimizer are not finite")


def _finite(variables: Any) -> bool:
    # Each is summed where it is, or it would travel to the default device.
    for variable in variables:
        value = variable.value
        if value.dtype.is_floating:
            with tf.device(value.device):
                if not tf.reduce_all(tf.math.is_finite(value)):
                    return False
    return True


class RefuseNotFinite(keras.callbacks.Callback):
    """Raises `NotFinite` after an epoch whose loss is not finite.

    Before all callbacks that write what an epoch gave.
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for key, name in (("loss", "loss"), ("val_loss", "validation loss")):
            if not math.isfinite(logs[key]):
                raise NotFinite(f"{name} is not finite")
        require_finite(self.model.network, self.model.optimizer)


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Measurements on one batch.

    Attributes:
        dead_share: {layer: share of its units that are zero for every image
            of the batch}, for the hidden layers.
        image_dependence: how much fc7 depends on the image: the standard
            deviation of its neurons over the images, over their mean
            absolute value.
    """

    dead_share: dict[str, float]
    image_dependence: float

    def advice(self, lr: float) -> list[str]:
        """What to change, most likely cause first; a list of sentences."""
        advice = []
        dead = [n for n, share in self.dead_share.items() if share > DEAD_SHARE]
        if dead:
            advice.append(
                f"the ReLUs of {', '.join(dead)} are dead: the learning rate "
                f"is too high for this data; start again with "
                f"--config.train.lr={lr / 10:g}"
            )
        elif self.image_dependence < FAINT_SIGNAL:
            advice.append(
                "fc7 hardly depends on the image: the initial weights pass "
                "too little signal; start again with "
                "--config.model.weight_std.convN=0.03 for N = 3, 4, 5 (the "
                "2012 code) or biases of 0.1 (--config.model.bias.LAYER=0.1)"
            )
        else:
            advice.append(
                "the signal arrives at fc7: check that the labels belong to "
                "the images, or change --config.train.lr tenfold"
            )
        return advice


def diagnose(network: keras.Model, images: tf.Tensor) -> Diagnosis:
    """Measures a batch on the live network; see `Diagnosis`.

    Args:
        network: from uint8 crops to logits.
        images: uint8 [B, crop, crop, 3], B at least 2.
    """
    activations = layer_outputs(network, images)
    fc7 = activations["fc7"]
    scale = float(np.mean(np.abs(fc7)))
    return Diagnosis(
        dead_share=dead_share(activations),
        image_dependence=float(np.mean(np.std(fc7, axis=0)))
        / max(scale, 1e-30),
    )


def dead_share(activations: dict[str, np.ndarray]) -> dict[str, float]:
    """{layer: share of its units that are 0 for all images}, not of the last.

    Args:
        activations: of `layer_outputs`.
    """
    return {
        name: float(np.mean(~np.any(activations[name], axis=0)))
        for name in list(activations)[:-1]
    }


def first_not_finite(network: keras.Model, images: tf.Tensor) -> str | None:
    """Where values stop being finite, from the image upwards.

    Returns:
        One clause such as "the output of conv2", or None where all weights
        and outputs are finite.
    """
    broken = [
        layer.name
        for layer in network.layers
        if not all(np.all(np.isfinite(v)) for v in layer.trainable_variables)
    ]
    if broken:
        return f"the weights of {', '.join(broken)}, in the step before"
    for name, output in layer_outputs(network, images).items():
        if not np.all(np.isfinite(output)):
            return f"the output of {name}"
    return None


def layer_outputs(
    network: keras.Model, images: tf.Tensor
) -> dict[str, np.ndarray]:
    """{layer: [B, ...] array} of the weighted layers, both towers joined."""
    outputs = {
        layer.name: layer.tower_outputs for layer in weighted_layers(network)
    }
    probe = keras.Model(network.input, outputs)
    return {
        name: np.concatenate([tf.cast(t, tf.float32) for t in towers], axis=-1)
        for name, towers in probe(images, training=False).items()
    }


LEAST_WINDOW = 10  # updates: the mean loss of fewer is mostly chance


def flat_loss_window(steps: int, updates: int) -> int:
    """Length of the alarm's window: half of a run that is short.

    Args:
        steps: the config's, for runs that are long enough.
        updates: of the whole run.
    """
    return min(steps, max(updates // 2, LEAST_WINDOW))


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
        file: where the alarm is written too, as a JSON list of its lines,
            until a window is not flat.
    """

    def __init__(
        self,
        *,
        classes: int,
        steps: int,
        margin: float,
        sample: Callable[[], tf.Tensor],
        steps_done: Callable[[], int],
        file: pathlib.Path | None = None,
    ) -> None:
        super().__init__()
        self._guess = math.log(classes)
        self._steps = steps
        self._margin = margin
        self._sample = sample
        self._steps_done = steps_done
        self._file = file
        self._window = []
        self._total = None
        self._raised = False

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
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
        elif self._file:
            self._file.unlink(missing_ok=True)  # it has begun to learn

    def _raise(self, mean: float) -> None:
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
        if self._file:
            with writable(self._file):
                self._file.parent.mkdir(exist_ok=True)
                write_text(self._file, json.dumps(lines) + "\n")


@contextlib.contextmanager
def memory_advice(train: ConfigDict, run: Run) -> Iterator[None]:
    """Turns running out of memory inside into one line of advice.

    Args:
        train: the `train` section of a config.
        run: the `Run` that is trained.

    Raises:
        UserError: instead of TensorFlow's error or a MemoryError. Resources
            other than memory, such as open files, keep theirs.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        reason = re.search(r"OOM[^\n]*|[^\n]*\bmemory\b[^\n]*", str(error))
        if not reason and not isinstance(error, MemoryError):
            raise
        what = f" ({_short(reason[0])})" if reason else ""
        saved = (
            f"; what {run.path} holds is kept and goes on with either"
            if run.state_folder.exists()
            else ""
        )
        raise UserError(
            f"out of memory{what}: {', or '.join(_savings(train))}{saved}; "
            "a smaller --config.train.batch_size takes a new run"
        ) from None


def _short(reason: str) -> str:
    """Without the device's long name and the name of the allocator."""
    return re.sub(r"/job:\S+/device:| by allocator.*", "", reason).strip()[:100]


def _savings(train: ConfigDict) -> list[str]:
    """What saves memory and changes neither batch nor recipe."""
    finer = [
        parts
        for parts in range(2 * train.accumulate, train.batch_size + 1)
        if train.batch_size % parts == 0
    ]
    savings = []
    if finer:
        savings.append(
            f"--config.train.accumulate={finer[0]} computes a batch in "
            f"{finer[0]} parts, with the same result"
        )
    if train.precision == "float32":
        savings.append(
            "--config.train.precision=bfloat16 halves the activations"
        )
    return savings or ["the batch is computed image by image already"]
