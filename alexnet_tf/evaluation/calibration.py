"""Whether a network is right as often as it is sure.

C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger: On Calibration of Modern
Neural Networks, ICML 2017.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

BINS = 15  # as in section 2 of Guo et al.
TEMPERATURES = (1 / 20, 20.0)  # beyond them nothing is fitted
CELLS = 2**18  # of the probabilities that are copied at a time
LEAST = np.finfo(np.float64).tiny  # stands for a probability of 0


@dataclasses.dataclass(frozen=True)
class Bin:
    """Images whose best guess has a probability within certain limits.

    Attributes:
        images: how many they are, at least 1.
        confidence: mean probability of their best guesses.
        accuracy: share of them whose best guess is right.
    """

    images: int
    confidence: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far probabilities are from shares of right answers.

    Attributes:
        bins: those with images, the least confident first.
        error: expected calibration error of the bins, a fraction.
        temperature: the T for which p^(1/T), normalized, has the smallest
            mean negative log-likelihood; None where that falls on and on
            beyond `TEMPERATURES`, as where every answer is right.
        tempered_error: expected calibration error of those; None likewise.
    """

    bins: tuple[Bin, ...]
    error: float
    temperature: float | None
    tempered_error: float | None


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> Calibration:
    """Measures the `Calibration` of predictions and fits a temperature.

    The memory that it takes does not grow with images times classes.

    Args:
        labels: int64 [N].
        probabilities: float [N, classes].
    """
    is_right = np.argmax(probabilities, axis=1) == labels
    confidence = np.max(probabilities, axis=1).astype(np.float64)
    bins = reliability(is_right, confidence)
    temperature = fitted_temperature(labels, probabilities)
    tempered = None
    if temperature is not None:
        sharper = _confidence_at(probabilities, 1 / temperature)
        tempered = expected_calibration_error(reliability(is_right, sharper))
    return Calibration(
        bins, expected_calibration_error(bins), temperature, tempered
    )


def reliability(
    is_right: np.ndarray, confidence: np.ndarray
) -> tuple[Bin, ...]:
    """The bins of a reliability diagram, of equal widths between 0 and 1.

    Args:
        is_right: bool [N], whether the best guess is.
        confidence: float [N], its probability. One on a limit belongs to the
            bin below.

    Returns:
        The bins that have images.
    """
    limits = np.linspace(0, 1, BINS + 1)[1:-1]
    of_image = np.searchsorted(limits, confidence)
    images, sure, right = (
        np.bincount(of_image, weights, BINS)
        for weights in (None, confidence, is_right)
    )
    return tuple(
        Bin(int(n), float(c / n), float(r / n))
        for n, c, r in zip(images, sure, right, strict=True)
        if n
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Mean over the images of |accuracy - confidence| of their bins."""
    apart = [b.images * abs(b.accuracy - b.confidence) for b in bins]
    return sum(apart) / sum(b.images for b in bins)


def fitted_temperature(
    labels: np.ndarray, probabilities: np.ndarray
) -> float | None:
    """The temperature of the smallest mean negative log-likelihood.

    Args:
        labels: int64 [N].
        probabilities: float [N, classes].

    Returns:
        See `Calibration.temperature`.
    """
    from scipy.optimize import brentq  # late: it takes a second

    def slope(sharpness: float) -> float:
        """Of the sum over images, by 1 / T; it never falls as that grows."""
        total = 0.0
        for rows, logs in _logarithms(probabilities):
            weights = np.exp(sharpness * logs)
            expected = (weights * logs).sum(axis=1) / weights.sum(axis=1)
            own = logs[np.arange(len(logs)), labels[rows]]
            total += float((expected - own).sum())
        return total

    lowest, highest = (1 / t for t in reversed(TEMPERATURES))
    if slope(lowest) >= 0 or slope(highest) <= 0:
        return None
    root: Any = brentq(slope, lowest, highest, xtol=1e-6)
    return 1 / float(root)


def tempered(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    """p^(1/T), normalized: what `fitted_temperature` fits T for.

    Of the centre crop that is softmax(logits / T) (Guo et al., section 4.2).
    The mean over ten crops has no logits: its logarithm stands for them, and
    the crops are averaged before the temperature acts.

    Args:
        probabilities: float64 [B, classes].
        temperature: above 0.

    Returns:
        float64 [B, classes]; the order of the classes stays.
    """
    logs = tf.math.log(tf.maximum(probabilities, LEAST))
    return tf.nn.softmax(logs / temperature)


def _confidence_at(probabilities: np.ndarray, sharpness: float) -> np.ndarray:
    """float64 [N]: the best guess' share of p^sharpness."""
    return np.concatenate(
        [
            1 / np.exp(sharpness * logs).sum(axis=1)
            for _, logs in _logarithms(probabilities)
        ]
    )


def _logarithms(
    probabilities: np.ndarray,
) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows, float64 logarithms of p / the row's largest), few at a time."""
    count, classes = probabilities.shape
    step = max(1, CELLS // classes)
    for start in range(0, count, step):
        rows = slice(start, start + step)
        logs = np.log(np.maximum(probabilities[rows], LEAST, dtype=np.float64))
        yield rows, logs - logs.max(axis=1, keepdims=True)
