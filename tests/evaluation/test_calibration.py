"""Calibration against scikit-learn and scipy on made-up predictions."""

import tracemalloc

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from alexnet_tf.evaluation import calibration as module
from alexnet_tf.evaluation.calibration import BINS, calibration, tempered

CLASSES = 6


@pytest.fixture(scope="module", params=[0.4, 1.0, 3.0])
def predictions(request):
    """(labels drawn from softmax(logits), logits too sharp by a factor)."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(3000, CLASSES)) * 2
    draws = random.gumbel(size=logits.shape)
    return np.argmax(logits + draws, axis=1), logits * request.param


def test_bins_are_scikit_learns(predictions):
    labels, logits = predictions
    probabilities = softmax(logits, axis=1)
    found = calibration(labels, probabilities)
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    accuracies, confidences = calibration_curve(
        is_right, confidence, n_bins=BINS
    )
    np.testing.assert_allclose([b.accuracy for b in found.bins], accuracies)
    np.testing.assert_allclose([b.confidence for b in found.bins], confidences)
    counts, _ = np.histogram(confidence, BINS, (0, 1))
    np.testing.assert_array_equal(
        [b.images for b in found.bins], counts[counts > 0]
    )
    shares = counts[counts > 0] / len(labels)
    expected = np.sum(shares * np.abs(accuracies - confidences))
    assert found.error == pytest.approx(expected)


def test_the_temperature_is_scipys(predictions, monkeypatch):
    labels, logits = predictions
    monkeypatch.setattr(module, "CELLS", 1000)  # in many parts
    found = calibration(labels, softmax(logits, axis=1))

    def loss(temperature):
        tempered = softmax(logits / temperature, axis=1)
        return log_loss(labels, tempered, labels=range(CLASSES))

    best = minimize_scalar(
        loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-6}
    )
    assert found.temperature == pytest.approx(best.x, rel=1e-4)
    tempered = softmax(logits / found.temperature, axis=1)
    at_one = calibration(labels, tempered)
    assert found.tempered_error == pytest.approx(at_one.error, rel=1e-6)
    assert at_one.temperature == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_tempered_probabilities_are_those_of_divided_logits(
    predictions, temperature
):
    _, logits = predictions
    found = tempered(softmax(logits, axis=1), temperature)
    expected = softmax(logits / temperature, axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    certain = tempered(np.eye(3), temperature).numpy()
    np.testing.assert_array_equal(certain.argmax(axis=1), [0, 1, 2])
    assert np.isfinite(certain).all()


def test_nothing_is_fitted_where_all_is_right_or_nothing_is_said():
    labels = np.arange(CLASSES).repeat(5)
    right = np.exp(log_softmax(9.0 * np.eye(CLASSES)[labels], axis=1))
    assert calibration(labels, right).temperature is None
    nothing = np.full((len(labels), CLASSES), 1 / CLASSES)
    assert calibration(labels, nothing).temperature is None
    certain = np.eye(CLASSES)[labels]
    assert calibration(labels, certain).error == 0


def test_memory_does_not_grow_with_images_times_classes():
    random = np.random.default_rng(0)
    labels = random.integers(0, 1000, 10_000)
    probabilities = np.full((10_000, 1000), 1e-3)  # 80 MB
    probabilities[np.arange(10_000), labels] = random.random(10_000)
    tracemalloc.start()
    try:
        calibration(labels, probabilities)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A copy of all would double what an evaluation of ImageNet takes.
    assert peak < probabilities.nbytes / 4
