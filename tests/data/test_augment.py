"""Random crops and mirrors, the centre crop."""

import math

import cv2
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from alexnet_tf.data.augment import (
    centre_crop,
    centre_view,
    crop_and_mirror,
    crop_draws,
    random_view,
    resized_view,
    resized_window,
)


def random_crop_and_mirror(record, crop, draw):
    return crop_and_mirror(record, crop, *random_view(crop, draw))


POSITIONS = 33  # 256 - 224 + 1


@pytest.fixture
def record(coded_records):
    """Rows and columns coded, the third channel noise."""
    [image] = coded_records(1)
    noise = np.random.default_rng(0).integers(0, 256, (256, 256), np.uint8)
    return np.dstack([image[..., :2], noise])


def draw(seed, number):
    return crop_draws(
        tf.constant(seed, tf.int64), tf.constant(number, tf.int64)
    )


def test_draws_are_splitmix64s():
    def mixed(x):
        for shift, factor in (
            (30, 0xBF58476D1CE4E5B9),
            (27, 0x94D049BB133111EB),
        ):
            x = (x ^ x >> shift) * factor % 2**64
        return x ^ x >> 31

    golden = 0x9E3779B97F4A7C15
    for seed, number in ((0, 0), (1, 5), (-3, 2**40), (10**15, 7)):
        stream = mixed(seed * golden % 2**64)
        wanted = mixed((stream + number * golden) % 2**64)
        assert int(draw(seed, number)) == wanted


@pytest.mark.parametrize("crop", [64, 224, 227, 256])
def test_a_crop_is_a_window_of_the_record(record, crop):
    mirrored_crops = 0
    for number in range(20):
        image = random_crop_and_mirror(
            tf.constant(record), crop, draw(7, number)
        )
        assert image.shape == (crop, crop, 3)
        assert image.dtype == tf.uint8
        image = image.numpy()
        if image[0, 0, 1] > image[0, -1, 1]:
            image = image[:, ::-1]
            mirrored_crops += 1
        top, left = (int(value) for value in image[0, 0, :2])
        window = record[top : top + crop, left : left + crop]
        np.testing.assert_array_equal(image, window)
    assert 0 < mirrored_crops < 20


def test_positions_and_mirrors_are_uniform(record):
    # 120 epochs of 120 images: neighbouring seeds as training uses them.
    side = 120

    def corner(number):
        image = random_crop_and_mirror(
            tf.constant(record), 224, crop_draws(number // side, number % side)
        )
        return tf.stack([image[0, 0], image[0, -1]])

    corners = np.concatenate(
        list(
            tf.data.Dataset.range(side**2)
            .map(corner, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(1000)
            .as_numpy_iterator()
        )
    ).astype(int)
    top = corners[:, 0, 0]
    left = corners[:, :, 1].min(axis=1)
    mirrored = (corners[:, 0, 1] > corners[:, 1, 1]).astype(int)
    counts = np.zeros((POSITIONS, POSITIONS, 2), int)
    np.add.at(counts, (top, left, mirrored), 1)
    assert counts.sum(axis=2).min() > 0  # every position is reachable
    assert stats.chisquare(counts.ravel()).pvalue > 0.001
    for axes in ((0, 1), (0, 2), (1, 2)):  # each factor on its own
        assert stats.chisquare(counts.sum(axis=axes)).pvalue > 0.001
    # Consecutive images, and the same image in consecutive epochs.
    for step in (1, side):
        pairs = np.zeros((POSITIONS, POSITIONS), int)
        np.add.at(pairs, (top[step:], top[:-step]), 1)
        assert stats.chisquare(pairs.ravel()).pvalue > 0.001


def test_a_crop_is_a_function_of_its_seed(record):
    def crop(seed, number):
        tf.random.normal([3])  # moves the global generator on
        image = random_crop_and_mirror(
            tf.constant(record), 64, draw(seed, number)
        )
        return image.numpy()

    np.testing.assert_array_equal(crop(3, 5), crop(3, 5))
    assert (crop(3, 5) != crop(3, 6)).any()
    assert (crop(3, 5) != crop(4, 5)).any()


@pytest.mark.parametrize(
    ("crop", "first", "last"),
    [(224, 16, 239), (227, 14, 240), (64, 96, 159), (256, 0, 255)],
)
@pytest.mark.parametrize("batch", [(), (2,)])
def test_the_centre_crop_is_exact(record, crop, first, last, batch):
    records = np.broadcast_to(record, (*batch, *record.shape))
    expected = records[..., first : last + 1, first : last + 1, :]
    image = centre_crop(tf.constant(records), crop)
    assert image.shape == (*batch, crop, crop, 3)
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("crop", [64, 224, 227])
def test_the_centre_view_is_the_centre_crop(record, crop):
    view = centre_view(crop, draw(7, 3))
    image = crop_and_mirror(tf.constant(record), crop, *view)
    np.testing.assert_array_equal(image, centre_crop(record, crop))


SCALE, RATIO = 0.2, 4 / 3


@pytest.fixture(scope="module")
def resized_views():
    """Top, left, height, width and mirror of views; int [20000, 5]."""
    views = tf.data.Dataset.range(20_000).map(
        lambda number: tf.stack(
            [
                tf.cast(value, tf.int32)
                for value in resized_view(
                    crop_draws(tf.constant(4, tf.int64), number), SCALE, RATIO
                )
            ]
        )
    )
    return np.concatenate(list(views.batch(1000).as_numpy_iterator()))


def test_resized_views_are_drawn_as_they_should(resized_views):
    top, left, height, width, mirrored = resized_views.T
    assert np.min([top, left]) == 0
    assert np.max([top + height, left + width]) == 256
    # Where no side can be cut, area and logarithm of the ratio are uniform;
    # the jitter undoes the rounding of the sides.
    largest = 1 / RATIO
    random = np.random.default_rng(0)
    sides = np.array([height, width]) + random.uniform(-0.5, 0.5, (2, 20_000))
    area = sides.prod(axis=0) / 256**2
    inside = (area > SCALE + 0.01) & (area < largest - 0.01)
    low, high = SCALE + 0.01, largest - 0.01
    uniform = (area[inside] - low) / (high - low)
    assert stats.kstest(uniform, "uniform").pvalue > 0.001
    assert inside.mean() == pytest.approx((high - low) / (1 - SCALE), abs=0.015)
    ratio = np.log(sides[1] / sides[0])[inside] / math.log(RATIO)
    assert np.abs(ratio).max() < 1.05
    assert stats.kstest((ratio + 1) / 2, "uniform").pvalue > 0.001
    places = [
        (begin + random.uniform(size=20_000)) / (257 - length)
        for begin, length in ((top, height), (left, width))
    ]
    for place in places:
        assert stats.kstest(place, "uniform").pvalue > 0.001
    counts = np.bincount(mirrored, minlength=2)
    assert stats.chisquare(counts).pvalue > 0.001
    columns = (area, sides[1] / sides[0], *places, mirrored)
    correlations = np.corrcoef([column[inside] for column in columns])
    # Five deviations of 12,000 pairs that know nothing of each other.
    assert np.abs(correlations - np.eye(5)).max() < 0.05


@pytest.mark.parametrize(
    "window", [(0, 0, 256, 256), (3, 7, 100, 133), (255, 0, 1, 256)]
)
def test_a_window_is_resized_as_opencv_does(record, window):
    top, left, height, width = window
    found = resized_window(tf.constant(record), 224, *window)
    assert found.shape == (224, 224, 3)
    assert found.dtype == tf.uint8
    part = record[top : top + height, left : left + width]
    exact = cv2.resize(
        part.astype(np.float32), (224, 224), interpolation=cv2.INTER_LINEAR
    )
    # Half a level of rounding, and what float32 adds.
    assert np.abs(found.numpy() - exact).max() < 0.5 + 2e-3


def test_a_resized_view_is_a_function_of_its_draw():
    def view(seed, number):
        tf.random.normal([3])  # moves the global generator on
        found = resized_view(draw(seed, number), SCALE, RATIO)
        return [int(value) for value in found]

    assert view(3, 5) == view(3, 5)
    assert view(3, 5) != view(3, 6)
    assert view(3, 5) != view(4, 5)
