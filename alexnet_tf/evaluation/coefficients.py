"""Weights of the networks of an ensemble, given or searched for.

The averages of 2012 were weighted, and their coefficients chosen by the top-5
error on the images whose error was then reported.
"""

import math
from collections.abc import Sequence

import numpy as np

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.evaluate import Evaluation

STEPS = 20  # of 0.05, from 0 to 1
PASSES = 5
SEARCH, SEARCH_ALL = "search", "search_all"


def parsed(texts: Sequence[str], count: int) -> tuple[float, ...]:
    """The coefficients that somebody wrote.

    Args:
        texts: one number for each network.
        count: number of networks.

    Raises:
        UserError: they are not as many, no numbers of at least 0, or all 0.
    """
    written = f"--coefficients={','.join(texts)}"
    try:
        numbers = tuple(map(float, texts))
    except ValueError:
        raise UserError(
            f"{written}: a number for each network, {SEARCH} or {SEARCH_ALL}"
        ) from None
    if len(numbers) != count:
        raise UserError(
            f"{written} has {len(numbers)} numbers for {count} networks: name "
            "one for each of --runs"
        )
    if not all(0 <= number < math.inf for number in numbers) or not any(
        numbers
    ):
        raise UserError(f"{written}: each at least 0, and one of them above 0")
    return numbers


def weighted(
    evaluations: Sequence[Evaluation], coefficients: Sequence[float]
) -> Evaluation:
    """The `Evaluation` of networks whose probabilities are averaged.

    Args:
        evaluations: of the same images, in the same order.
        coefficients: one for each, of any sum above 0.
    """
    first = evaluations[0]
    # Over the largest first: a sum of very large ones would be infinite.
    shares = np.divide(coefficients, max(coefficients))
    shares /= shares.sum()
    total = np.zeros_like(first.probabilities)
    for evaluation, share in zip(evaluations, shares, strict=True):
        total += share * evaluation.probabilities
    return Evaluation(first.ids, first.labels, total)


def part(evaluation: Evaluation, rows: np.ndarray) -> Evaluation:
    """The `Evaluation` of some of the images."""
    return Evaluation(
        evaluation.ids[rows],
        evaluation.labels[rows],
        evaluation.probabilities[rows],
    )


def halves(images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves, drawn at random, each in order.

    Raises:
        UserError: there are not two images.
    """
    if images < 2:
        raise UserError("a search needs two images at least")
    order = np.random.default_rng(seed).permutation(images)
    middle = images // 2
    return np.sort(order[:middle]), np.sort(order[middle:])


def searched(evaluations: Sequence[Evaluation]) -> tuple[float, ...]:
    """Coefficients under which the top-5 error is low.

    As the script of 2012 did it: all begin with 0.5; one after the other takes
    whichever of 0, 0.05, ..., 1 lowers the error, in at most five passes, until
    each has been tried once since the last change.
    """
    best = [STEPS // 2] * len(evaluations)
    lowest = weighted(evaluations, best).error(5)
    untried = len(evaluations)
    for number in list(range(len(evaluations))) * PASSES:
        if untried == 0:
            break
        untried -= 1
        for step in range(STEPS + 1):
            tried = [*best[:number], step, *best[number + 1 :]]
            if not any(tried):
                continue
            error = weighted(evaluations, tried).error(5)
            if error < lowest:
                lowest, best = error, tried
                untried = len(evaluations) - 1
    return tuple(step / STEPS for step in best)
