"""What a grey square hides, from a network that looks at one place."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.analysis.occlusion import (
    POSITIONS,
    Occlusion,
    evidence_hidden,
    occlusion_map,
    occlusion_sensitivity,
)

CROP = 224
PATCH = (slice(96, 104), slice(180, 188))  # rows and columns of the crop


def looks_at_patch(images, training):
    """Logits 0 and the mean of the patch, over 64."""
    seen = tf.cast(images[:, PATCH[0], PATCH[1]], tf.float32)
    mean = tf.reduce_mean(seen, axis=(1, 2, 3)) / 64
    return tf.stack([tf.zeros_like(mean), mean], axis=-1)


@pytest.fixture
def occlusion():
    record = np.zeros((256, 256, 3), np.uint8)
    record[16:240, 16:240][PATCH] = 255
    return occlusion_sensitivity(looks_at_patch, record, 1, CROP)


def test_probabilities_follow_the_share_that_is_covered(occlusion):
    assert occlusion.square == 56
    starts = [14 * i for i in range(POSITIONS)]  # edge to edge: 12 * 14 + 56

    def covered(start, place):
        overlap = min(start + 56, place.stop) - max(start, place.start)
        return max(0, overlap) / 8

    for i, top in enumerate(starts):
        for j, left in enumerate(starts):
            share = covered(top, PATCH[0]) * covered(left, PATCH[1])
            mean = (255 * (1 - share) + 128 * share) / 64
            assert occlusion.probabilities[i, j] == pytest.approx(
                1 / (1 + np.exp(-mean)), rel=1e-5
            )
    assert occlusion.unoccluded == pytest.approx(1 / (1 + np.exp(-255 / 64)))


def test_evidence_is_the_fall_of_the_log_odds(occlusion):
    # This network's logits are 0 and the mean of the patch: log-odds.
    mean = np.log(occlusion.probabilities / (1 - occlusion.probabilities))
    np.testing.assert_allclose(
        evidence_hidden(occlusion), 255 / 64 - mean, atol=1e-5
    )
    assert evidence_hidden(occlusion).max() == pytest.approx(127 / 64, abs=1e-5)


def test_a_class_that_is_nearly_certain_shows_it_too():
    probabilities = np.full((POSITIONS, POSITIONS), 0.99999)
    probabilities[6, 6] = 0.999
    image = np.zeros((CROP, CROP, 3), np.uint8)
    sheet = occlusion_map(Occlusion(image, 56, 0.99999, probabilities))
    colours = sheet.astype(int).sum(axis=-1)
    assert colours[112, 112] > 300
    assert colours[0, 0] < 10


def test_the_map_is_bright_at_the_place_and_dark_elsewhere(occlusion):
    colours = occlusion_map(occlusion).astype(int).sum(axis=-1)
    assert colours.shape == (CROP, CROP)
    assert colours[PATCH].min() > colours[0, 0]
    assert (colours[:, :100] == colours[0, 0]).all()


def test_the_photograph_shines_through(occlusion):
    sheet = occlusion_map(occlusion).astype(int)
    patch = np.zeros((CROP, CROP), bool)
    patch[PATCH] = True
    beside = sheet[PATCH[0].start - 1, PATCH[1].start]
    inside = sheet[PATCH[0].start, PATCH[1].start]
    assert (inside - beside).min() > 60


def test_the_image_is_the_central_crop(occlusion):
    assert (occlusion.image[PATCH] == 255).all()
    assert occlusion.image.sum() == 8 * 8 * 3 * 255
