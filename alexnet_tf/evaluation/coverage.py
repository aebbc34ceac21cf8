"""What --threshold costs in answers and saves in errors."""

import dataclasses

import numpy as np

STEPS = 100  # thresholds between 0 and 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoveragePoint:
    """What happens where guesses below a threshold are no answers.

    Attributes:
        threshold: least probability of a best guess that is an answer.
        images: how many are answered, at least 1.
        coverage: their share of all.
        error: share of them whose best guess is wrong.
    """

    threshold: float
    images: int
    coverage: float
    error: float


def coverage_curve(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[CoveragePoint, ...]:
    """Error among the answered images against their share.

    The risk-coverage curve of selective classification (R. El-Yaniv and
    Y. Wiener, JMLR 11, 2010) with the probability of the best guess as the
    confidence. The images are the network's own kind: how many pictures of
    something else would be answered is not known from them.

    Args:
        labels: int64 [N].
        probabilities: float [N, classes].

    Returns:
        A point for each of the thresholds 0, 0.01, ... 1 at which an image is
        answered.
    """
    confidence = np.max(probabilities, axis=1)
    is_wrong = np.argmax(probabilities, axis=1) != labels
    points = []
    for threshold in np.arange(STEPS + 1) / STEPS:
        answered = confidence >= threshold
        if not answered.any():
            break
        points.append(
            CoveragePoint(
                threshold=float(threshold),
                images=int(answered.sum()),
                coverage=float(answered.mean()),
                error=float(is_wrong[answered].mean()),
            )
        )
    return tuple(points)
