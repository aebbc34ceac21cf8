"""Measures in which each class counts the same, however many images it has."""

import dataclasses
from collections.abc import Mapping, Sequence

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


@dataclasses.dataclass(frozen=True)
class ClassResult:
    """What was found about a class.

    Attributes:
        name: of the class.
        images: how many have its label, its support.
        precision: share of the guesses at it that are right; NaN where it is
            nobody's best guess.
        recall: share of its images whose best guess is right, its accuracy;
            NaN where it has no images.
        f1: harmonic mean of the two, 0 where one of them is; NaN where there
            are neither images nor guesses.
    """

    name: str
    images: int
    _: dataclasses.KW_ONLY
    precision: float
    recall: float
    f1: float


def class_results(
    confusion: np.ndarray, class_names: Sequence[str]
) -> list[ClassResult]:
    """A `ClassResult` of each class, in label order.

    Args:
        confusion: int [classes, classes], row the label, column the guess.
        class_names: one per label.
    """
    right, images, guesses = counts_of(confusion)
    with np.errstate(invalid="ignore"):
        shares = right / guesses, right / images, 2 * right / (images + guesses)
    return [
        ClassResult(
            name,
            int(count),
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
        )
        for name, count, precision, recall, f1 in zip(
            class_names, images, *shares, strict=True
        )
    ]


def confused_pairs(
    confusion: np.ndarray, class_names: Sequence[str]
) -> list[tuple[str, str, int, float]]:
    """[(class, taken for, images, share of the class)], most images first.

    Args:
        confusion, class_names: see `class_results`.
    """
    wrong = confusion - np.diag(np.diagonal(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")
    order = order[: np.count_nonzero(wrong)].tolist()
    places = (divmod(place, len(wrong)) for place in order)
    images = confusion.sum(axis=1)
    return [
        (
            class_names[int(label)],
            class_names[int(guess)],
            int(wrong[label, guess]),
            float(wrong[label, guess] / images[label]),
        )
        for label, guess in places
    ]


def monitored_error(logs: Mapping[str, float], monitor: str) -> float:
    """What a validation says of the weights: the lower, the better.

    Args:
        logs: of an epoch.
        monitor: `train.monitor` of a config.
    """
    value = logs[f"val_{monitor}"]
    return value if monitor == TOP1 else 1 - value
