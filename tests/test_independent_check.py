"""The second computation of ten-crop errors, and what it would notice."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.evaluation.ten_crop import ten_crops
from benchmarks import independent_check
from benchmarks.independent_check import compare, record_of, views_of, wrong


def encoded(height, width):
    """A smooth picture with some noise, as PNG."""
    random = np.random.default_rng(height)
    small = random.uniform(0, 255, (height // 8, width // 8, 3))
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    noisy = picture + random.normal(0, 3, picture.shape)
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.mark.parametrize(
    ("size", "share"),
    [
        # All places are multiples of 1/16, whose weights are exact.
        ((224, 224), 1e-4),
        # TensorFlow reads weights from a table of 1,024 places, which moves a
        # value by some hundredths: so many may round to the other side.
        ((160, 213), 1e-2),
        # Area averages; sums in another order.
        *[(size, 1e-3) for size in ((256, 300), (375, 500), (900, 512))],
    ],
)
def test_records_are_those_of_this_program(size, share):
    image = encoded(*size)
    ours = to_record(decode(image)).numpy().astype(int)
    differences = np.abs(record_of(image).astype(int) - ours)
    assert differences.max() <= 1
    assert np.mean(differences) < share


def test_views_are_those_of_this_program():
    record = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    expected = ten_crops(tf.constant(record[None]), 224)[0]
    np.testing.assert_array_equal(views_of(record, 224), expected)


def test_what_is_no_image_is_refused():
    with pytest.raises(ValueError, match="not an image"):
        record_of(b"text")


def test_verdicts_are_compared_image_by_image():
    ours = np.array([[0.5, 0.3, 0.2], [0.4, 0.35, 0.25], [0.2, 0.2, 0.6]])
    theirs = np.array([[0.5, 0.3, 0.2], [0.35, 0.4, 0.25], [0.2, 0.2, 0.6]])
    labels = np.array([0, 1, 1])
    np.testing.assert_array_equal(wrong(ours, labels, 2), [0, 0, 1])
    result = compare(ours, theirs, labels)
    assert result["images"] == 3
    assert result["largest_difference"] == pytest.approx(0.05)
    assert result["top1_error"] == pytest.approx(2 / 3)
    assert result["top1_error_independent"] == pytest.approx(1 / 3)
    assert result["top1_verdicts_that_differ"] == 1
    assert result["top5_verdicts_that_differ"] == 0


def test_a_run_is_evaluated_twice(request, image_folder):
    pytest.importorskip("torch")
    run = request.getfixturevalue("finished_run")
    files = sorted(image_folder.glob("val/*/*.png"))
    result = independent_check.check(run, files)
    assert result["images"] == 18
    assert result["largest_difference"] < 1e-4
    assert result["top1_verdicts_that_differ"] == 0
    assert result["top1_error"] == result["top1_error_independent"]
