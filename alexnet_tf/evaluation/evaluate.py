"""Evaluation of a network on a whole split."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.shared_crops import predictor
from alexnet_tf.evaluation.top_k import top_k_errors, wilson_interval
from alexnet_tf.terminal.progress import ProgressReport

IMAGES_PER_BATCH = {1: 128, 10: 16}


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Predictions for a split.

    Attributes:
        ids: int64 [N], of the examples that could be decoded.
        labels: int64 [N].
        probabilities: float64 [N, classes].
    """

    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    def error(self, k: int) -> float:
        """Top-k error, a fraction."""
        return float(np.mean(self._errors(k), dtype=np.float64))

    def interval(self, k: int) -> tuple[float, float]:
        """The 95 % interval of the top-k error; see `wilson_interval`."""
        errors = self._errors(k)
        return wilson_interval(int(errors.sum()), len(errors))

    def confusion(self) -> np.ndarray:
        """int64 [classes, classes]: row the label, column the best guess."""
        classes = self.probabilities.shape[1]
        counts = np.zeros((classes, classes), np.int64)
        guesses = np.argmax(self.probabilities, axis=1)
        np.add.at(counts, (self.labels, guesses), 1)
        return counts

    def _errors(self, k: int) -> np.ndarray:
        errors = top_k_errors(self.labels, self.probabilities, k)
        return errors.numpy().astype(np.float64)


def evaluate(
    network: keras.Model, records: Records, crop: int, crops: int
) -> Evaluation:
    """Predicts every image of a split.

    Args:
        network: from uint8 crops to logits.
        records: `Records`.
        crop: side of a crop, in pixels.
        crops: 1 (centre) or 10 views per image.

    Returns:
        An `Evaluation`.
    """
    records_spec = tf.TensorSpec([None, RECORD_SIZE, RECORD_SIZE, 3], tf.uint8)
    predict = tf.function(
        predictor(network, crop, crops), input_signature=[records_spec]
    )
    return predict_all(predict, records, crops, f"{crops}-crop test")


def predict_all(
    probabilities_of: Callable[[tf.Tensor], tf.Tensor],
    records: Records,
    crops: int,
    title: str,
) -> Evaluation:
    """Predicts every image of a split.

    Args:
        probabilities_of: from uint8 [B, 256, 256, 3] to float64 [B, classes].
        records: `Records`.
        crops: number of views per image that it takes.
        title: of the progress report.

    Returns:
        An `Evaluation`.

    Raises:
        UserError: no image can be decoded.
    """
    batches = records.dataset().batch(IMAGES_PER_BATCH[crops]).prefetch(2)
    collected = []
    with ProgressReport(title, records.left) as progress:
        for batch in batches:
            probabilities = probabilities_of(batch["image"]).numpy()
            collected.append(
                (batch["id"].numpy(), batch["label"].numpy(), probabilities)
            )
            progress.advance(len(probabilities))
    if not collected:
        raise UserError("not one image of the split can be decoded")
    return Evaluation(*map(np.concatenate, zip(*collected, strict=True)))


def average(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The `Evaluation` of several networks whose probabilities are averaged.

    Args:
        evaluations: of the same images, in the same order.
    """
    first = evaluations[0]
    return Evaluation(
        first.ids,
        first.labels,
        np.mean([e.probabilities for e in evaluations], axis=0),
    )
