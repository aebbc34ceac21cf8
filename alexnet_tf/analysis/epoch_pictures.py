"""What a network looks like after each epoch, for TensorBoard and the page."""

import json
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.analysis.kernels import conv1_kernels, kernel_sheet
from alexnet_tf.data.damage import DATA_ERRORS
from alexnet_tf.data.pipeline import centre_crop_batches
from alexnet_tf.data.records import Records
from alexnet_tf.files.atomic import replacing, write_text
from alexnet_tf.layers.tower_weights import is_bias
from alexnet_tf.network import weighted_layers
from alexnet_tf.run.folder import Run
from alexnet_tf.training.diagnosis import dead_share, layer_outputs
from alexnet_tf.training.trainer import cross_entropy

IMAGES = 16  # whose activations and gradients are looked at
NUMBERS = 50_000  # of a layer, at most: all of fc6 would take seconds
SHARE = 0.01  # of the time of the training, at most


class EpochPictures(keras.callbacks.Callback):
    """Kernels, dead ReLUs and histograms, before training and after epochs.

    After the last epoch, and after those before it where the ones before have
    taken at most `SHARE` of the time since: in a run of short epochs not after
    each.

    To watch/NNNN.json {"epoch", "images", "dead": {layer: share of its units
    that are 0 for each of the images}}, watch/NNNN-TOWER.png with the kernels
    of conv1, and for TensorBoard to events/inside/: the kernels as images,
    histograms of weights, activations and gradients of each layer.

    The images are the first of the validation split, their central crops; the
    gradients are those of their mean loss, without dropout.

    Args:
        run: a `Run`.
        validation: its validation `Records`.
        crop: side of a crop, in pixels.
        channel_order: in which conv1 reads colours.
    """

    def __init__(
        self, run: Run, validation: Records, crop: int, channel_order: str
    ) -> None:
        super().__init__()
        self._run = run
        self._validation = validation
        self._crop = crop
        self._channel_order = channel_order
        self._sample: Any = None  # (images, labels), once they are needed
        self._writer: Any = None  # a `SummaryWriter`, once it is needed
        self._left_out: int | None = None  # epoch after which none were made
        self._next = 0.0  # time, monotonic, from which on they are made

    def on_train_begin(self, logs: Any = None) -> None:
        # Not when an epoch begins: the time would count as the epoch's. A run
        # of an earlier version that goes on has no such picture any more.
        first = self._run.watch_folder / "0000.json"
        if not (first.exists() or self._run.history_file.exists()):
            self._write(0)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if time.monotonic() < self._next:
            self._left_out = epoch + 1
        else:
            self._write(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        if self._left_out is not None:
            self._write(self._left_out)

    def _write(self, epoch: int) -> None:
        self._left_out = None
        begin = time.monotonic()
        self._make(epoch)
        end = time.monotonic()
        self._next = end + (end - begin) / SHARE

    def _make(self, epoch: int) -> None:
        if self._sample is None:
            batches = centre_crop_batches(
                self._validation, IMAGES, self._crop, 0, 1
            )
            try:
                self._sample = next(iter(batches))
            except (StopIteration, *DATA_ERRORS):
                return  # the validation after this epoch will tell of it
        images, labels = (part[:IMAGES] for part in self._sample)
        network = self.model.network
        activations = layer_outputs(network, images)
        numbers = {
            "epoch": epoch,
            "images": len(images),
            "dead": dead_share(activations),
        }
        sheets = [
            kernel_sheet(tower)
            for tower in conv1_kernels(network, self._channel_order)
        ]
        folder = self._run.watch_folder
        with self._run.saving():
            folder.mkdir(exist_ok=True)
            for tower, sheet in enumerate(sheets):
                with replacing(folder / f"{epoch:04}-{tower}.png") as path:
                    path.write_bytes(tf.io.encode_png(sheet).numpy())
            write_text(folder / f"{epoch:04}.json", json.dumps(numbers) + "\n")
            try:
                self._write_events(epoch, sheets, activations, images, labels)
            except tf.errors.OpError as error:
                raise OSError(error.message.splitlines()[0]) from None

    def _write_events(
        self,
        epoch: int,
        sheets: list[np.ndarray],
        activations: dict[str, np.ndarray],
        images: tf.Tensor,
        labels: tf.Tensor,
    ) -> None:
        if self._writer is None:
            folder = self._run.events_folder / "inside"
            self._writer = tf.summary.create_file_writer(str(folder))
        network = self.model.network
        kernels = {
            layer.name: layer.kernels for layer in weighted_layers(network)
        }
        gradients = _gradients(network, images, labels)
        with self._writer.as_default(step=epoch):
            for tower, sheet in enumerate(sheets):
                tf.summary.image(f"conv1/tower_{tower}", sheet[None])
            for name, values in activations.items():
                tf.summary.histogram(f"activations/{name}", _some([values]))
            for name, weights in kernels.items():
                tf.summary.histogram(f"weights/{name}", _some(weights))
                found = [
                    gradients[w.path] for w in weights if w.path in gradients
                ]
                if found:  # not of a layer that is kept as it is
                    tf.summary.histogram(f"gradients/{name}", _some(found))
        self._writer.flush()


def _gradients(
    network: keras.Model, images: tf.Tensor, labels: tf.Tensor
) -> dict[str, tf.Tensor]:
    """{path of a kernel: the gradient of the mean loss}."""
    kernels = [v for v in network.trainable_variables if not is_bias(v)]
    with tf.GradientTape() as tape:
        logits = network(images, training=False)
        loss = tf.reduce_mean(cross_entropy(labels, logits))
    gradients = tape.gradient(loss, [v.value for v in kernels])
    return {
        v.path: gradient
        for v, gradient in zip(kernels, gradients, strict=True)
        if gradient is not None
    }


def _some(arrays: Any) -> np.ndarray:
    """At most about `NUMBERS` numbers, at equal distances."""
    parts = []
    for array in arrays:
        flat = tf.reshape(tf.convert_to_tensor(array), [-1])
        step = max(1, len(arrays) * flat.shape[0] // NUMBERS)
        parts.append(np.asarray(tf.cast(flat[::step], tf.float32)))
    return np.concatenate(parts)
