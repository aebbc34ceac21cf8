"""Measures in which each class counts the same, however many images it has."""

from collections.abc import Mapping

import numpy as np

TOP1 = "top1_error"


def balanced_accuracy(
    right: np.ndarray, images: np.ndarray, guesses: np.ndarray
) -> float:
    """Mean over the classes with images of the share that is right.

    Args:
        right: [classes], images of each class whose best guess is right.
        images: [classes], images of each class.
        guesses: [classes], images whose best guess each class is.

    Returns:
        A fraction; NaN where there is no image.
    """
    return _mean(right, images)


def macro_f1(
    right: np.ndarray, images: np.ndarray, guesses: np.ndarray
) -> float:
    """Mean over the classes of the harmonic mean of precision and recall.

    Over those with images or guesses: F1 is 0 where an image is never found,
    and where none of the guesses is right.

    Args:
        right, images, guesses: see `balanced_accuracy`.

    Returns:
        A fraction; NaN where there is no image.
    """
    return _mean(2 * right, images + guesses)


def _mean(numerators: np.ndarray, denominators: np.ndarray) -> float:
    some = denominators > 0
    if not some.any():
        return float("nan")
    return float(np.mean(numerators[some] / denominators[some]))


def counts_of(confusion: np.ndarray) -> tuple[np.ndarray, ...]:
    """(right, images, guesses) of a confusion matrix, rows the labels."""
    return np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)


def monitored_error(logs: Mapping[str, float], monitor: str) -> float:
    """What a validation says of the weights: the lower, the better.

    Args:
        logs: of an epoch.
        monitor: `train.monitor` of a config.
    """
    value = logs[f"val_{monitor}"]
    return value if monitor == TOP1 else 1 - value
