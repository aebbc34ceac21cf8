"""Classes divided over the towers, against one joined layer."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from alexnet_tf.evaluation.top_k import top_k_errors
from alexnet_tf.layers.towers import placement, resolve_tower_devices
from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.split_softmax import SplitSoftmax
from alexnet_tf.training.trainer import Trainer
from configs import paper
from tests.slow import slow
from tests.training.narrow import fit

CLASSES = 11  # 5 and 6
PINS = "CPU:1,CPU:2"
SPECS = pytest.mark.parametrize("spec", ["none", PINS])


def made_up(rows=40, scale=3.0):
    random = np.random.default_rng(0)
    logits = random.normal(0, scale, (rows, CLASSES)).astype(np.float32)
    return logits, random.integers(0, CLASSES, rows)


def split_softmax(spec):
    return SplitSoftmax(resolve_tower_devices(spec), (0, 5))


def parts_of(logits):
    return [tf.convert_to_tensor(part) for part in np.split(logits, [5], 1)]


@SPECS
@pytest.mark.parametrize(
    ("scale", "smoothing"), [(3.0, 0.0), (300.0, 0.0), (3.0, 0.1)]
)
def test_loss_and_gradients_are_those_of_one_softmax(spec, scale, smoothing):
    logits, labels = made_up(scale=scale)
    split = split_softmax(spec)

    @tf.function
    def loss_and_gradients(parts, labels):
        with tf.GradientTape() as tape:
            tape.watch(parts)
            plain, losses = split.cross_entropy(labels, parts, smoothing)
            mean = tf.reduce_mean(losses)
        return plain, losses, tape.gradient(mean, parts)

    plain, losses, gradients = loss_and_gradients(
        parts_of(logits), tf.constant(labels)
    )
    rows = np.arange(len(labels))
    log_softmax = scipy.special.log_softmax(logits.astype(float), axis=1)
    expected = -log_softmax[rows, labels]
    np.testing.assert_allclose(plain, expected, rtol=1e-6, atol=1e-6)
    targets = np.full(logits.shape, smoothing / CLASSES)
    targets[rows, labels] += 1 - smoothing
    expected = -np.sum(targets * log_softmax, axis=1)
    np.testing.assert_allclose(losses, expected, rtol=1e-6, atol=1e-6)
    difference = np.exp(log_softmax) - targets
    np.testing.assert_allclose(
        np.concatenate(gradients, axis=1), difference / len(labels), atol=1e-6
    )


@SPECS
@pytest.mark.parametrize("k", [1, 5])
def test_errors_are_those_of_joined_logits(spec, k):
    logits, labels = made_up()
    logits = np.round(logits)  # with ties
    logits[0] = np.nan
    ahead = split_softmax(spec).classes_ahead(labels, parts_of(logits))
    np.testing.assert_array_equal(
        ahead.numpy() >= k, top_k_errors(labels, logits, k)
    )
    assert 0 < np.mean(ahead.numpy() >= k) < 1


def head_model(split):
    """A narrow network with the head of 146 on 2011."""
    model = paper.get_config().model
    model.width, model.num_classes = 1 / 16, CLASSES
    model.bottleneck, model.split_softmax = 256, split
    model.exchange = ("conv3", "fc6", "fc7", "bottleneck", "fc8")
    for name in model.weight_std:
        model.weight_std[name] = 0.01 if name == "conv1" else 0.08
        model.bias[name] = 0.1
    return model


def trainer_of(split, spec="none", **options):
    with placement(resolve_tower_devices(spec)):
        network = build_network(head_model(split))
    return Trainer(network, PaperSGD(0.01), **options)


def batches(steps=3, size=4):
    random = np.random.default_rng(1)
    tiles = random.integers(0, 256, (steps * size, 8, 8, 3), np.uint8)
    images = tiles.repeat(28, axis=1).repeat(28, axis=2)
    labels = random.integers(0, CLASSES, (steps, size))
    return images.reshape(steps, size, 224, 224, 3), labels


def joined_weights(trainer):
    return {
        layer.name: [
            np.concatenate([v.numpy() for v in variables], axis=-1)
            for variables in (layer.kernels, layer.biases)
        ]
        for layer in trainer.network.layers
        if hasattr(layer, "kernels")
    }


@SPECS
def test_guesses_are_those_of_joined_logits(spec):
    logits, _ = made_up(rows=400)
    logits = np.round(logits)  # so that many are equal, also of two towers
    assert (np.sort(logits)[:, -1] == np.sort(logits)[:, -2]).any()
    found = tf.function(split_softmax(spec).guesses)(parts_of(logits))
    np.testing.assert_array_equal(found, np.argmax(logits, axis=1))


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        slow("none", {}),
        slow(PINS, {}),
        (PINS, {"accumulate": 2}),
    ],
)
def test_three_steps_are_those_of_one_joined_layer(spec, options):
    loss = {
        "label_smoothing": 0.1,
        "class_weights": np.linspace(0.5, 1.5, CLASSES, dtype=np.float32),
    }
    ours = trainer_of(True, spec, **options, **loss)
    theirs = trainer_of(False, **loss)
    # The same classifier, in two parts and in one.
    fc8, parts = theirs.network.get_layer("fc8"), ours.network.get_layer("fc8")
    for whole, variables in (
        (fc8.kernels[0], parts.kernels),
        (fc8.biases[0], parts.biases),
    ):
        whole.assign(np.concatenate([v.numpy() for v in variables], axis=-1))
    start = joined_weights(theirs)
    logs = fit(ours, batches())
    expected = fit(theirs, batches())
    assert logs.keys() == expected.keys()
    for name, value in expected.items():
        assert logs[name] == pytest.approx(value, abs=1e-6), name
    after = joined_weights(ours)
    for name, arrays in joined_weights(theirs).items():
        for mine, its, before in zip(
            after[name], arrays, start[name], strict=True
        ):
            np.testing.assert_allclose(mine, its, rtol=0, atol=1e-6)
            assert np.abs(its - before).max() > 1e-5, name


def test_validation_measures_the_same():
    ours = trainer_of(True, PINS)
    images, labels = batches(1, 6)
    data = tf.data.Dataset.from_tensors((images[0], labels[0]))
    measured = ours.evaluate(data, return_dict=True, verbose=0)
    logits = ours.network(images[0], training=False).numpy()
    log_softmax = scipy.special.log_softmax(logits.astype(float), axis=1)
    assert measured["loss"] == pytest.approx(
        -log_softmax[np.arange(6), labels[0]].mean(), abs=1e-5
    )
    for k in (1, 5):
        assert measured[f"top{k}_error"] == pytest.approx(
            top_k_errors(labels[0], logits, k).numpy().mean()
        )


def test_the_trainer_saves_no_weight_twice(tmp_path):
    trainer = trainer_of(True)
    trainer.save_weights(tmp_path / "ours.weights.h5")
    again = trainer_of(True)
    for variable in again.network.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    again.load_weights(tmp_path / "ours.weights.h5")
    for ours, theirs in zip(trainer.variables, again.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    trainer_of(False).save_weights(tmp_path / "joined.weights.h5")
    ours, joined = (
        (tmp_path / f"{name}.weights.h5").stat().st_size
        for name in ("ours", "joined")
    )
    assert ours < 1.02 * joined
