"""Images that the network gets wrong, and labels that may be wrong instead."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from alexnet_tf.evaluation.evaluate import Evaluation

CELLS = 2**20  # of the probabilities that are compared at a time


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mistake:
    """An image whose best guess is another class than its label.

    Attributes:
        image: what it is found by, see `Split.key`.
        label, guess: names of the classes.
        guess_probability, label_probability: of these classes.
    """

    image: str
    label: str
    guess: str
    guess_probability: float
    label_probability: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelError:
    """An image that probably belongs to another class than its label.

    Attributes:
        image: see `Mistake`.
        label, suggested: names of the classes.
        suggested_probability, label_probability: of these classes.
        self_confidence: probability of the label over the mean probability
            that images with this label give it.
    """

    image: str
    label: str
    suggested: str
    suggested_probability: float
    label_probability: float
    self_confidence: float


def mistakes(
    evaluation: Evaluation,
    class_names: Sequence[str],
    name_of: Callable[[int], str],
) -> list[Mistake]:
    """The `Mistake`s, the most confident guess first.

    Args:
        evaluation: the predictions.
        class_names: one per label.
        name_of: from an id to what the image is found by.
    """
    labels, probabilities = evaluation.labels, evaluation.probabilities
    guesses = np.argmax(probabilities, axis=1)
    sure = probabilities[np.arange(len(labels)), guesses]
    wrong = np.flatnonzero(guesses != labels)
    order = wrong[np.argsort(-sure[wrong], kind="stable")]
    return [
        Mistake(
            image=name_of(int(evaluation.ids[row])),
            label=class_names[int(labels[row])],
            guess=class_names[int(guesses[row])],
            guess_probability=float(sure[row]),
            label_probability=float(probabilities[row, labels[row]]),
        )
        for row in order
    ]


def label_errors(
    evaluation: Evaluation,
    class_names: Sequence[str],
    name_of: Callable[[int], str],
) -> list[LabelError]:
    """The `LabelError`s by confident learning, the least self-confident first.

    C. G. Northcutt, L. Jiang and I. L. Chuang: Confident Learning: Estimating
    Uncertainty in Dataset Labels, JAIR 70, 2021. The threshold of a class is
    the mean probability that it has on the images with its label. Of the
    classes whose probability on an image reaches their thresholds the most
    probable one is suggested; where it is not the label, the label is
    probably wrong (section 3.1). They are ranked by self-confidence, the
    label's probability, over the threshold of the label: classes that the
    network is seldom sure of would come first otherwise.

    The images must not be those that the network was trained on.

    Args:
        evaluation, class_names, name_of: see `mistakes`.
    """
    labels, probabilities = evaluation.labels, evaluation.probabilities
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    thresholds = _thresholds(own, labels, probabilities.shape[1])
    suggested = np.concatenate(list(_suggested(probabilities, thresholds)))
    rows = np.flatnonzero((suggested >= 0) & (suggested != labels))
    limits = thresholds[labels]
    relative = np.divide(own, limits, out=np.zeros_like(own), where=limits > 0)
    order = rows[np.argsort(relative[rows], kind="stable")]
    return [
        LabelError(
            image=name_of(int(evaluation.ids[row])),
            label=class_names[int(labels[row])],
            suggested=class_names[int(suggested[row])],
            suggested_probability=float(probabilities[row, suggested[row]]),
            label_probability=float(own[row]),
            self_confidence=float(relative[row]),
        )
        for row in order
    ]


def _thresholds(
    own: np.ndarray, labels: np.ndarray, classes: int
) -> np.ndarray:
    """float64 [classes]; infinite where a class has no images."""
    images = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, own, classes)
    nowhere = np.full(classes, np.inf)
    return np.divide(sums, images, out=nowhere, where=images > 0)


def _suggested(
    probabilities: np.ndarray, thresholds: np.ndarray
) -> Iterator[np.ndarray]:
    """The suggested class of each image, -1 for none, few at a time."""
    step = max(1, CELLS // probabilities.shape[1])
    for start in range(0, len(probabilities), step):
        part = probabilities[start : start + step]
        reached = np.where(part >= thresholds, part, -1)
        yield np.where(reached.max(axis=1) < 0, -1, reached.argmax(axis=1))
