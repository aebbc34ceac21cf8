"""The bootstrap against resampling done by hand."""

import numpy as np
import pytest

from alexnet_tf.evaluation.top_k import bootstrap_interval


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_as_resampling_the_images(share):
    random = np.random.default_rng(1)
    errors = (random.random(1000) < share).astype(float)
    means = [
        random.choice(errors, errors.size, replace=True).mean()
        for _ in range(10_000)
    ]
    expected = np.quantile(means, [0.025, 0.975])
    # Quantiles of 10,000 resamples are good to about one image of 1,000.
    np.testing.assert_allclose(
        bootstrap_interval(errors), expected, rtol=0, atol=0.0021
    )


def test_no_error_has_no_width():
    assert bootstrap_interval(np.zeros(10)) == (0.0, 0.0)


def test_the_same_every_time():
    errors = np.arange(100) % 3 == 0
    assert bootstrap_interval(errors) == bootstrap_interval(errors)
