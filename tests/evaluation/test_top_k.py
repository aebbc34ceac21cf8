"""Top-k error against numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.evaluation.top_k import TopKError, top_k_errors


def expected_errors(labels, scores, k):
    """1 where the label is not among the first k of a stable sort."""
    order = np.argsort(-scores, axis=1, kind="stable")
    hit = (order[:, :k] == labels[:, None]).any(axis=1)
    return (~hit).astype(np.float32)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("classes", [2, 3, 5, 6, 10, 1000])
def test_errors_are_those_of_numpy(k, classes):
    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, 200)
    scores = random.normal(size=(200, classes)).astype(np.float32)
    labels[::2] = scores[::2].argmax(axis=1)
    errors = top_k_errors(labels, scores, k)
    assert errors.dtype == tf.float32
    np.testing.assert_array_equal(errors, expected_errors(labels, scores, k))
    if k >= classes:
        assert not np.any(errors)
    else:
        assert 0 < np.mean(errors) <= 0.5  # half are right by construction


@pytest.mark.parametrize("k", [1, 2, 3])
def test_ties_go_to_the_lower_class(k):
    random = np.random.default_rng(k)
    labels = random.integers(0, 6, 300)
    scores = random.integers(0, 3, (300, 6)).astype(np.float32)
    errors = top_k_errors(labels, scores, k)
    np.testing.assert_array_equal(errors, expected_errors(labels, scores, k))


@pytest.mark.parametrize("k", [1, 5])
def test_scores_that_are_not_numbers_count_as_wrong(k):
    scores = np.full((4, 10), np.nan, np.float32)
    np.testing.assert_array_equal(
        top_k_errors([0, 1, 2, 9], scores, k), [1] * 4
    )


@pytest.mark.parametrize("label_type", [np.int32, np.int64, np.uint8])
def test_the_metric_is_the_mean_over_images(label_type):
    random = np.random.default_rng(0)
    labels = random.integers(0, 7, 50)
    scores = random.normal(size=(50, 7)).astype(np.float32)
    metric = TopKError(2)
    for part in (slice(0, 32), slice(32, 50)):  # batches of unequal size
        metric.update_state(labels[part].astype(label_type), scores[part])
    expected = expected_errors(labels, scores, 2).mean()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
    metric.reset_state()
    metric.update_state([0], [[1.0, 0.0, 0.0]])
    assert float(metric.result()) == 0


def test_names():
    assert TopKError().name == "top1_error"
    assert TopKError(k=5).name == "top5_error"
    assert TopKError(k=5, name="other").name == "other"


def test_the_metric_survives_serialization():
    metric = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(TopKError(k=3, name="three"))
    )
    assert isinstance(metric, TopKError)
    assert (metric.k, metric.name) == (3, "three")
    metric.update_state([3, 3], [[4.0, 3.0, 2.0, 1.0], [1.0, 3.0, 2.0, 4.0]])
    assert float(metric.result()) == 0.5
