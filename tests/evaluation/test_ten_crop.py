"""The ten crops and the average of their probabilities."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from alexnet_tf.evaluation.ten_crop import (
    centre_crop_probabilities,
    ten_crop_probabilities,
    ten_crops,
)

# First row and column: top left, top right, bottom left, bottom right, centre.
CORNERS = {
    224: [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)],
    227: [(0, 0), (0, 29), (29, 0), (29, 29), (14, 14)],
}


@pytest.fixture
def records():
    """Channel 0 holds the row, 1 the column, 2 the number of the record."""
    rows, columns = np.mgrid[:256, :256]
    images = [
        np.stack([rows, columns, np.full_like(rows, i)], axis=-1)
        for i in range(3)
    ]
    return np.array(images, np.uint8)


def cut(record, corner, crop):
    top, left = corner
    return record[top : top + crop, left : left + crop]


@pytest.mark.parametrize("crop", CORNERS)
def test_crops_and_their_order(records, crop):
    views = ten_crops(tf.constant(records), crop)
    assert views.shape == (3, 10, crop, crop, 3)
    assert views.dtype == tf.uint8
    for record, record_views in zip(records, views.numpy(), strict=True):
        for i, corner in enumerate(CORNERS[crop]):
            window = cut(record, corner, crop)
            np.testing.assert_array_equal(record_views[i], window)
            np.testing.assert_array_equal(
                record_views[i + 5], np.flip(window, axis=1)
            )


def toy_network(views, training):
    """Logits that depend on the record, the position and the mirroring."""
    assert training is False
    first = tf.cast(views[:, 0, 0], tf.float32)
    return tf.stack(
        [first[:, 0] / 8, first[:, 1] / 60, 2 * first[:, 2]], axis=1
    )


def toy_logits(window):
    row, column, number = window[0, 0].astype(np.float64)
    return [row / 8, column / 60, 2 * number]


@pytest.mark.parametrize("crop", CORNERS)
def test_probabilities_are_averaged_and_not_logits(records, crop):
    windows = [
        [cut(record, corner, crop) for corner in CORNERS[crop]]
        for record in records
    ]
    logits = np.array(
        [
            [toy_logits(window) for window in (*five, *np.flip(five, axis=2))]
            for five in windows
        ]
    )
    expected = softmax(logits, axis=-1).mean(axis=1)
    of_mean_logits = softmax(logits.mean(axis=1), axis=-1)
    assert np.abs(expected - of_mean_logits).max() > 0.05
    probabilities = ten_crop_probabilities(
        toy_network, tf.constant(records), crop
    )
    np.testing.assert_allclose(probabilities, expected, rtol=1e-6)


@pytest.mark.parametrize("crop", CORNERS)
def test_the_centre_crop_alone(records, crop):
    corner = CORNERS[crop][4]
    logits = [toy_logits(cut(record, corner, crop)) for record in records]
    probabilities = centre_crop_probabilities(
        toy_network, tf.constant(records), crop
    )
    np.testing.assert_allclose(
        probabilities, softmax(logits, axis=-1), rtol=1e-6
    )
