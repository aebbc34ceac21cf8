"""From vectors to short binary codes: the auto-encoder of section 6.1.

The paper proposes it and leaves it at that. Ours follows "Semantic Hashing"
(Salakhutdinov and Hinton 2009): noise in front of the sigmoids in the middle
teaches them to stay near 0 and 1, so that little is lost when they become
bits.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.errors import UserError
from alexnet_tf.layers.draws import add_draws
from alexnet_tf.retrieval.blocks import blocks
from alexnet_tf.terminal.progress import ProgressReport


@dataclasses.dataclass(frozen=True)
class Autoencoder:
    """Both halves as one network, and the first alone.

    Attributes:
        network: from vectors [B, D] to their reconstructions [B, D].
        encoder: from vectors [B, D] to bits [B, bits], 0.0 or 1.0, when it
            is not training.
        standardization: its first layer, which needs the vectors' mean.
    """

    network: keras.Model
    encoder: keras.Model
    standardization: "Standardization"


def build_autoencoder(
    dimensions: int, bits: int, hidden: int, noise: float, seed: int
) -> Autoencoder:
    """Builds D -> hidden -> bits -> hidden -> D.

    Args:
        dimensions: D.
        bits: length of a code.
        hidden: neurons between vector and code, and between code and vector.
        noise: standard deviation; see `NoisyBits`.
        seed: integer; initial weights and noise follow from it.

    Returns:
        An `Autoencoder`.
    """
    units = (hidden, bits, hidden, dimensions)
    outward, code, inward, output = (
        keras.layers.Dense(
            count,
            kernel_initializer=keras.initializers.GlorotUniform(
                seed=len(units) * seed + i
            ),
            dtype="float32",
            name=name,
        )
        for i, (count, name) in enumerate(
            zip(units, ("outward", "code", "inward", "output"), strict=True)
        )
    )
    standardization = Standardization(dtype="float32", name="standardization")
    vector = keras.Input((dimensions,), dtype="float32", name="vector")
    x = keras.ops.relu(outward(standardization(vector)))
    bit = NoisyBits(noise, seed, dtype="float32", name="bits")(code(x))
    x = keras.ops.relu(inward(2 * bit - 1))
    reconstruction = standardization.undo(output(x))
    return Autoencoder(
        keras.Model(vector, reconstruction),
        keras.Model(vector, bit),
        standardization,
    )


class NoisyBits(keras.layers.Layer):
    """sigmoid(x + noise) in training, 1 where x > 0 and 0 elsewhere after.

    Args:
        noise: standard deviation of the normal noise.
        seed: integer; see `Draws`.
    """

    def __init__(self, noise: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._noise = noise
        self._seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self._draws = add_draws(self, self._seed)

    def call(self, x: tf.Tensor, training: bool | None = False) -> tf.Tensor:
        if training:
            normal = self._draws.normal([tf.shape(x)[0], *x.shape[1:]])
            return tf.sigmoid(x + self._noise * normal)
        return tf.cast(x > 0, x.dtype)


class Standardization(keras.layers.Layer):
    """(x - mean) / deviation: a mean for each dimension, one deviation.

    One deviation for all leaves the ratios of distances as they were.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.mean = self.add_weight(
            name="mean",
            shape=input_shape[1:],
            initializer="zeros",
            trainable=False,
        )
        self.deviation = self.add_weight(
            name="deviation", shape=(), initializer="ones", trainable=False
        )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return (x - self.mean) / self.deviation

    def undo(self, x: tf.Tensor) -> tf.Tensor:
        """The vectors that `call` would turn into `x`."""
        return _Undone(self, dtype="float32", name="vector_again")(x)


class _Undone(keras.layers.Layer):
    def __init__(self, standardization: Standardization, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._standardization = standardization

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * self._standardization.deviation + self._standardization.mean


def train_autoencoder(
    vectors: np.ndarray, bits: int, settings: ConfigDict
) -> Autoencoder:
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


def encode(encoder: keras.Model, vectors: np.ndarray) -> np.ndarray:
    """Codes of vectors: uint8 [N, bits / 8], eight bits a byte."""
    return np.concatenate(
        [
            np.packbits(encoder(block).numpy() > 0.5, axis=1)
            for block in blocks(vectors)
        ]
    )


def mean_and_deviation(vectors: np.ndarray) -> tuple[np.ndarray, float]:
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


def _batches(
    vectors: np.ndarray, batch: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of equal batches, in a new random order each time around."""
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(vectors))
        for begin in range(0, len(order) - batch + 1, batch):
            # Rows are read in the order of the file, which may be on a disk.
            rows = np.sort(order[begin : begin + batch])
            block = np.asarray(vectors[rows], np.float32)
            yield block, block


class _Progress(keras.callbacks.Callback):
    """Reports the error so far, 1 being that of the mean vector."""

    def __init__(
        self, report: ProgressReport, batch_size: int, variance: float
    ) -> None:
        super().__init__()
        self._report = report
        self._batch_size = batch_size
        self._variance = variance

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        error = logs["loss"] / self._variance
        self._report.advance(self._batch_size, f"error {error:.3f}")
