"""Trains the auto-encoder on the vectors of an index."""

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.progress import ProgressReport
from alexnet_tf.retrieval.autoencoder import build_autoencoder
from alexnet_tf.retrieval.blocks import blocks


def train_autoencoder(vectors, bits, settings):
    """An auto-encoder of `vectors`, a function of them and the settings.

    Args:
        vectors: [N, D], perhaps memory-mapped: read batch by batch.
        bits: length of a code.
        settings: the `retrieval` section of a config.

    Returns:
        A trained `Autoencoder`.

    Raises:
        UserError: all vectors are equal.
    """
    mean, deviation = mean_and_deviation(vectors)
    if deviation == 0:
        raise UserError(
            "the fc7 vectors of all images are equal: no code can tell them "
            "apart; the network has not learned anything"
        )
    autoencoder = build_autoencoder(
        vectors.shape[1], bits, settings.hidden, settings.noise, settings.seed
    )
    autoencoder.standardization.mean.assign(mean)
    autoencoder.standardization.deviation.assign(deviation)
    lr = keras.optimizers.schedules.CosineDecay(settings.lr, settings.steps)
    autoencoder.network.compile(
        keras.optimizers.Adam(lr), loss="mean_squared_error"
    )
    batch = min(settings.batch_size, len(vectors))
    dataset = tf.data.Dataset.from_generator(
        lambda: _batches(vectors, batch, settings.seed),
        output_signature=(tf.TensorSpec([batch, vectors.shape[1]], tf.float32),)
        * 2,
    ).prefetch(2)
    what = f"auto-encoder of {bits} bits"
    with ProgressReport(what, settings.steps * batch) as progress:
        autoencoder.network.fit(
            dataset,
            steps_per_epoch=settings.steps,
            shuffle=False,
            verbose=0,
            callbacks=[_Progress(progress, batch, deviation**2)],
        )
    return autoencoder


def encode(encoder, vectors):
    """Codes of vectors: uint8 [N, bits / 8], eight bits a byte."""
    return np.concatenate(
        [
            np.packbits(encoder(block).numpy() > 0.5, axis=1)
            for block in blocks(vectors)
        ]
    )


def mean_and_deviation(vectors):
    """The mean vector, and the root of the mean squared distance from it.

    Returns:
        float64 [D], and a float64 divided by the root of D: the deviation of
        a number in the vectors.
    """
    total = np.zeros(vectors.shape[1])
    for block in blocks(vectors):
        total += block.sum(axis=0, dtype=np.float64)
    mean = total / len(vectors)
    squares = sum(np.sum((block - mean) ** 2) for block in blocks(vectors))
    return mean, float(np.sqrt(squares / vectors.size))


def _batches(vectors, batch, seed):
    """Pairs of equal batches, in a new random order each time around."""
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(vectors))
        for begin in range(0, len(order) - batch + 1, batch):
            # In the order of the file, which may be on a disk.
            rows = np.sort(order[begin : begin + batch])
            block = np.asarray(vectors[rows], np.float32)
            yield block, block


class _Progress(keras.callbacks.Callback):
    """Reports the error so far, 1 being that of the mean vector."""

    def __init__(self, report, batch_size, variance):
        super().__init__()
        self._report = report
        self._batch_size = batch_size
        self._variance = variance

    def on_train_batch_end(self, batch, logs=None):
        error = logs["loss"] / self._variance
        self._report.advance(self._batch_size, f"error {error:.3f}")
