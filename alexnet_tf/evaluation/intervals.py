"""How far an error measured on a sample of images may be off."""

import numpy as np

RESAMPLES = 10_000
CONFIDENCE = 0.95


def bootstrap_interval(errors, seed=0):
    """The percentile bootstrap interval of a mean (Efron 1979), 95 %.

    Args:
        errors: [N], 0 or 1 for each image.
        seed: integer.

    Returns:
        (low, high), fractions.
    """
    count = len(errors)
    # N draws with replacement from zeros and ones: their sum is binomial.
    means = (
        np.random.default_rng(seed).binomial(count, np.mean(errors), RESAMPLES)
        / count
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
