"""What images count in the loss, against scikit-learn and a loop in numpy."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from alexnet_tf.config import check_config
from alexnet_tf.errors import UserError
from alexnet_tf.training.class_weights import check_class_weights, class_weights
from configs import paper
from tests.training.narrow import (
    CLASSES,
    fit,
    largest_difference,
    narrow_trainer,
    random_batches,
    weights,
)

NAMES = ("cat", "dog", "eel")


def section(**changes):
    train = paper.get_config().train
    train.update(changes)
    return train


def no_look(classes):
    raise AssertionError("all images may have been read for this")


def test_balanced_weights_are_scikit_learns():
    labels = np.repeat([0, 1, 2], [50, 3, 17])
    found = class_weights(
        section(class_weights="balanced"),
        NAMES,
        lambda classes: np.bincount(labels),
    )
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.mean(found[labels]) == pytest.approx(1)
    found = class_weights(
        section(class_weights="balanced"),
        NAMES,
        lambda classes: np.array([30, 0, 10]),
    )
    np.testing.assert_allclose(found, [2 / 3, 0, 2], rtol=1e-6)


def test_given_weights_are_by_name():
    train = section(
        class_weights="given", class_weight_values=(("eel", 4.0), ("cat", 0.5))
    )
    found = class_weights(train, NAMES, no_look)
    assert found.tolist() == [0.5, 1.0, 4.0]
    check_class_weights(train, NAMES)
    train.class_weight_values = (("fox", 4.0),)
    with pytest.raises(UserError, match="fox, which is no class: they are cat"):
        check_class_weights(train, NAMES)
    assert class_weights(section(), NAMES, no_look) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train.class_weights": "given"}, "class_weight_values"),
        ({"train.class_weight_values": (("cat", 2.0),)}, "class_weight_values"),
        (
            {"train.class_weights": "balanced", "data.sampling": "balanced"},
            "count twice",
        ),
    ],
)
def test_what_does_not_go_together(changes, words):
    config = paper.get_config()
    config.update_from_flattened_dict(changes)
    with pytest.raises(UserError, match=words):
        check_config(config)


FACTORS = np.array([0.5, 2, 1, 3, 0.1, 1, 1, 4, 1, 0.25], np.float32)


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_a_step_is_that_of_a_loop_in_numpy(smoothing):
    trainer = narrow_trainer(class_weights=FACTORS, label_smoothing=smoothing)
    [images], [labels] = random_batches(1, 12)
    loss, gradients, losses, logits = trainer._differentiate(
        images, labels, first=0, total=12
    )
    expected_loss, expected_gradient = 0.0, np.zeros(CLASSES)
    for row, label in zip(logits.numpy().astype(float), labels, strict=True):
        powers = np.exp(row - row.max())
        share = powers / powers.sum()
        target = np.full(CLASSES, smoothing / CLASSES)
        target[label] += 1 - smoothing
        expected_loss -= FACTORS[label] * target @ np.log(share) / 12
        expected_gradient += FACTORS[label] * (share - target) / 12
    assert float(loss) == pytest.approx(expected_loss, rel=1e-5)
    paths = [variable.path for variable in trainer.learning]
    biases = [
        gradient
        for path, gradient in zip(paths, gradients, strict=True)
        if path.startswith("fc8/") and "bias" in path
    ]
    np.testing.assert_allclose(
        np.sum([b.numpy().ravel() for b in biases], axis=0),
        expected_gradient,
        atol=1e-6,
    )
    # What is reported can be compared with that of a validation.
    plain = narrow_trainer()._differentiate(images, labels, first=0, total=12)
    np.testing.assert_array_equal(losses, plain[2])


@pytest.mark.slow
def test_parts_of_a_batch_are_the_batch():
    batches = random_batches(2, 12)
    whole, parts, plain = (
        narrow_trainer(**options)
        for options in (
            {"class_weights": FACTORS},
            {"class_weights": FACTORS, "accumulate": 3},
            {},
        )
    )
    for trainer in (whole, parts, plain):
        fit(trainer, batches)
    assert largest_difference(weights(whole), weights(parts)) < 1e-6
    assert largest_difference(weights(whole), weights(plain)) > 1e-4
    ones = narrow_trainer(class_weights=np.ones(CLASSES, np.float32))
    fit(ones, batches)
    assert largest_difference(weights(ones), weights(plain)) == 0
