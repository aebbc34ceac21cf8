"""Epochs to a given training error, each activation at its best lr."""

import math


def epochs_to(target, errors):
    """When a curve first reaches a target, between epochs by a straight line.

    Args:
        target: error, a fraction.
        errors: error after epoch 1, 2, ...

    Returns:
        A number of epochs, inf where it never does.
    """
    for epoch, error in enumerate(errors, 1):
        if error <= target:
            if epoch == 1:
                return 1.0
            before = errors[epoch - 2]
            return epoch - 1 + (before - target) / (before - error)
    return math.inf


def best_lr(cost_of, first, factor):
    """The best learning rate of a geometric ladder, found by walking.

    From `first` to the better neighbour for as long as there is one, so the
    best rate always lies between two worse ones.

    Args:
        cost_of: from (lr, cost to beat) to a cost; may give up, with inf,
            once it is above the one to beat. It is asked for one rate twice.
        first: where to begin.
        factor: between neighbours.

    Returns:
        (lr, cost).
    """
    lr, cost = first, cost_of(first, math.inf)
    for direction in (factor, 1 / factor):
        while True:
            neighbour = cost_of(lr * direction, cost)
            if not neighbour < cost:
                break
            lr, cost = lr * direction, neighbour
    return lr, cost
