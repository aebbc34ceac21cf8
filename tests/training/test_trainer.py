"""One step in parts, by several workers, under XLA and in each precision."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.training import trainer as trainer_module
from alexnet_tf.training.placement import GraphCollection
from alexnet_tf.training.trainer import NOT_FINITE
from tests.slow import slow
from tests.training.narrow import (
    CLASSES,
    fit,
    largest_difference,
    narrow_network,
    narrow_trainer,
    random_batches,
    weights,
)

BATCH = 12
STEPS = 2


@pytest.fixture(scope="module")
def batches():
    """Two batches of random images. Read only."""
    return random_batches(STEPS, BATCH)


@pytest.fixture(scope="module")
def at_once(batches):
    """(metrics, weights) after two plain steps."""
    trainer = narrow_trainer()
    before = weights(trainer)
    metrics = fit(trainer, batches)
    after = weights(trainer)
    for path in before:  # or equal weights would prove nothing
        assert np.abs(after[path] - before[path]).max() > 1e-5, path
    return metrics, after


def assert_same(trainer, batches, expected, tolerance):
    metrics, after = expected
    assert fit(trainer, batches) == pytest.approx(metrics, abs=tolerance)
    assert largest_difference(weights(trainer), after) <= tolerance


@pytest.mark.parametrize(
    ("parts", "devices"),
    [(3, "none"), slow(12, "none"), (2, "CPU:1,CPU:2")],
)
def test_a_batch_in_parts_is_the_batch(batches, at_once, parts, devices):
    trainer = narrow_trainer(devices=devices, accumulate=parts)
    assert_same(trainer, batches, at_once, 1e-6)


def test_parts_with_draws_of_their_own_would_be_found(
    batches, at_once, monkeypatch
):
    monkeypatch.setattr(
        trainer_module, "drawing_for", lambda share: contextlib.nullcontext()
    )
    trainer = narrow_trainer(accumulate=3)
    fit(trainer, batches)
    assert largest_difference(weights(trainer), at_once[1]) > 1e-4


def test_parts_that_do_not_divide_a_batch_are_refused(batches):
    with pytest.raises(UserError, match="accumulate=5 does not divide the 12"):
        fit(narrow_trainer(accumulate=5), batches)


class OneOf:
    """A worker whose means over all are what the test says.

    Attributes:
        gradients, loss: its own, after a step.
    """

    def __init__(self, rank=0, size=1, mean=None):
        self.rank, self.size, self.mean = rank, size, mean

    def average_gradients(self, gradients, variables, loss, **_):
        self.gradients = [g.numpy() for g in gradients]
        self.loss = loss.numpy()
        return self.mean or (gradients, loss)


def step_of(worker, images, labels, accumulate):
    """The trainer of a worker, after one step on its rows."""
    trainer = narrow_trainer(workers=worker, accumulate=accumulate)
    rows = slice(worker.rank, None, worker.size)
    trainer.train_step((images[rows], labels[rows]))
    return trainer


@pytest.mark.parametrize("parts", [slow(1), 3])
@pytest.mark.slow
def test_two_workers_make_the_step_of_one(batches, parts):
    images, labels = (tf.constant(array[0]) for array in batches)
    alone = OneOf()
    expected = weights(step_of(alone, images, labels, accumulate=1))
    pair = [OneOf(rank, size=2) for rank in range(2)]
    for worker in pair:
        step_of(worker, images, labels, parts)
    mean = [
        np.mean(both, axis=0)
        for both in zip(*(w.gradients for w in pair), strict=True)
    ]
    for ours, theirs in zip(mean, alone.gradients, strict=True):
        assert np.abs(ours - theirs).max() <= 1e-6
    loss = np.mean([worker.loss for worker in pair])
    assert loss == pytest.approx(alone.loss, abs=1e-6)
    for rank in range(2):
        worker = OneOf(rank, 2, ([tf.constant(g) for g in mean], loss))
        after = weights(step_of(worker, images, labels, parts))
        assert largest_difference(after, expected) <= 1e-6


@pytest.fixture(scope="module")
def under_xla(batches):
    """(trainer, metrics, weights, nodes of its graphs) after two steps."""
    trainer = narrow_trainer(xla=True, accumulate=3)
    with GraphCollection() as collection:
        metrics = fit(trainer, batches)
    nodes = [node for nodes in collection.functions for node in nodes]
    return trainer, metrics, weights(trainer), nodes


def test_xla_changes_no_weight(at_once, under_xla):
    _, metrics, after, _ = under_xla
    assert metrics == pytest.approx(at_once[0], abs=1e-5)
    assert largest_difference(after, at_once[1]) <= 1e-5


def test_forward_and_backward_pass_are_one_xla_program(under_xla):
    *_, nodes = under_xla
    assert sum(node.attr["_XlaMustCompile"].b for node in nodes) == 1
    assert not any("Conv2D" in node.op for node in nodes)


def assert_stops(trainer, batches):
    """A loss that is not finite is an error, and changes no weight."""
    trainer.network.get_layer("fc8").biases[0].assign([np.nan] * CLASSES)
    before = weights(trainer)
    with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_FINITE):
        fit(trainer, batches)
    for path, weight in weights(trainer).items():
        np.testing.assert_array_equal(weight, before[path])


@pytest.mark.parametrize("precision", ["float32", slow("bfloat16")])
def test_gradients_that_are_not_finite_change_no_weight(
    batches, monkeypatch, precision
):
    @tf.custom_gradient
    def with_bad_gradient(losses):
        return losses, lambda upstream: upstream * np.nan

    def bad_cross_entropy(labels, logits):
        return with_bad_gradient(cross_entropy(labels, logits))

    cross_entropy = trainer_module.cross_entropy
    monkeypatch.setattr(trainer_module, "cross_entropy", bad_cross_entropy)
    trainer = narrow_trainer(precision)
    before = weights(trainer)
    with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_FINITE):
        fit(trainer, batches)
    for path, weight in weights(trainer).items():
        np.testing.assert_array_equal(weight, before[path])


def test_a_loss_that_is_not_finite_stops_xla_too(batches, under_xla):
    assert_stops(under_xla[0], batches)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_float16_too(batches):
    assert_stops(narrow_trainer("float16"), batches)


def one_step(batches, **options):
    """(trainer, metrics, {path: update}) of one step.

    Pools of size 1: where two inputs of a pool are nearly equal, rounding
    would decide who gets the gradient.
    """
    trainer = narrow_trainer(pool_size=1, **options)
    before = weights(trainer)
    metrics = fit(trainer, tuple(array[:1] for array in batches))
    after = weights(trainer)
    return trainer, metrics, {p: after[p] - before[p] for p in before}


@pytest.fixture(scope="module")
def full_step(batches):
    """`one_step` in float32."""
    return one_step(batches)


def relative_errors(updates, expected):
    assert updates.keys() == expected.keys()
    return {
        path: np.linalg.norm(updates[path] - update) / np.linalg.norm(update)
        for path, update in expected.items()
    }


# Half a unit in the last place, relative; the signs of ReLUs' inputs that it
# turns make some thirty times as much of it in conv1.
ROUNDING = {"bfloat16": 2.0**-9, "float16": 2.0**-12}
# In these units, that of a product: a CPU without instructions for bfloat16
# rounds partial sums to it, too.
OF_A_PRODUCT = {"bfloat16": 4, "float16": 1}


@pytest.mark.parametrize(
    ("precision", "devices"),
    [("bfloat16", "none"), slow("float16", "CPU:1,CPU:2")],
)
def test_lower_precision_makes_the_same_step(
    batches, full_step, precision, devices
):
    _, full_metrics, expected = full_step
    trainer, metrics, updates = one_step(
        batches, precision=precision, devices=devices
    )
    assert metrics["loss"] == pytest.approx(
        full_metrics["loss"], rel=OF_A_PRODUCT[precision] * ROUNDING[precision]
    )
    errors = relative_errors(updates, expected)
    assert max(errors.values()) < 120 * ROUNDING[precision], errors
    assert errors["fc8/kernel_0"] < 3 * ROUNDING[precision]
    # Or everything was computed in float32.
    assert errors["fc8/kernel_0"] > 0.1 * ROUNDING[precision]
    kept = trainer.network.weights + trainer.optimizer.velocities
    assert {str(v.dtype) for v in kept} == {"float32", "int64"}


# Quick: the run in parts and float16 of tests/modes/test_train_in_parts.py.
@pytest.mark.slow
def test_a_batch_in_parts_is_the_batch_in_float16(batches):
    _, _, expected = one_step(batches, precision="float16")
    _, _, updates = one_step(batches, precision="float16", accumulate=2)
    errors = relative_errors(updates, expected)
    assert max(errors.values()) < 20 * ROUNDING["float16"], errors


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_dtypes_inside_a_network(precision):
    network = narrow_network(precision)
    assert network.get_layer("mean").output.dtype == "float32"
    for name in ("lighting", "conv1", "lrn2", "pool5", "fc7", "drop7"):
        for tensor in tf.nest.flatten(network.get_layer(name).output):
            assert tensor.dtype == precision, name
    assert network.output.dtype == "float32"
