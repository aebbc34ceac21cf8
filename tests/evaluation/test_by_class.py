"""Measures in which each class counts the same, against scikit-learn's."""

import math

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import balanced_accuracy_score, f1_score

from alexnet_tf.evaluation.by_class import (
    balanced_accuracy,
    counts_of,
    macro_f1,
    monitored_error,
)
from alexnet_tf.evaluation.evaluate import Evaluation
from alexnet_tf.training.epoch_report import ClassScores
from alexnet_tf.workers.alone import Alone
from tests.training.narrow import CLASSES, narrow_trainer, random_batches


def made_up(seed, classes=CLASSES, images=60):
    """Labels of few classes that count little, and probabilities."""
    random = np.random.default_rng(seed)
    labels = np.minimum(random.geometric(0.3, images) - 1, classes - 1)
    probabilities = random.dirichlet(np.ones(classes), images)
    probabilities[np.arange(images), labels] += random.uniform(0, 0.4, images)
    return labels, probabilities


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_scikit_learns(seed):
    """Also of classes without images, and of some that are never guessed."""
    labels, probabilities = made_up(seed)
    guesses = probabilities.argmax(axis=1)
    evaluation = Evaluation(np.arange(len(labels)), labels, probabilities)
    counts = counts_of(evaluation.confusion())
    if set(guesses) <= set(labels):  # it warns of others
        expected = balanced_accuracy_score(labels, guesses)
        assert balanced_accuracy(*counts) == pytest.approx(expected, abs=1e-12)
    expected = f1_score(labels, guesses, average="macro", zero_division=0)
    assert macro_f1(*counts) == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_never_found():
    labels, guesses = [0] * 9 + [1], [0] * 10
    confusion = np.array([[9, 0], [1, 0]])
    counts = counts_of(confusion)
    assert balanced_accuracy(*counts) == 0.5
    assert balanced_accuracy_score(labels, guesses) == 0.5
    assert macro_f1(*counts) == pytest.approx(
        f1_score(labels, guesses, average="macro", zero_division=0)
    )
    assert math.isnan(macro_f1(*counts_of(np.zeros((2, 2)))))


class Shares(Alone):
    """One of several workers, given the counts of the others."""

    def __init__(self, others):
        self._others = others

    def sum(self, numbers):
        return np.add(numbers, self._others)


@pytest.mark.parametrize("workers", [1, 2])
def test_validation_gives_scikit_learns_scores(workers):
    """Of all workers' images together, of the last validation alone."""
    trainer = narrow_trainer()
    [images], [labels] = random_batches(1, 24)
    labels = labels % 4
    guesses = trainer(images, training=False).numpy().argmax(axis=1)
    others = 0
    if workers == 2:
        others = np.zeros((3, CLASSES))
        for label, guess in zip(labels[1::2], guesses[1::2], strict=True):
            others[0, label] += label == guess
            others[1, label] += 1
            others[2, guess] += 1
        others = others.ravel()
    scores = ClassScores(Shares(others))
    scores.set_model(trainer)
    own = (images[::workers], labels[::workers])
    for _ in range(2):
        logs = {}
        scores.on_epoch_begin(0)
        trainer.evaluate(
            tf.data.Dataset.from_tensor_slices(own).batch(5), verbose=0
        )
        scores.on_epoch_end(0, logs)
        recalls = [np.mean(guesses[labels == c] == c) for c in set(labels)]
        assert logs["val_balanced_accuracy"] == pytest.approx(np.mean(recalls))
        assert logs["val_macro_f1"] == pytest.approx(
            f1_score(labels, guesses, average="macro", zero_division=0)
        )


def test_what_is_monitored():
    logs = {
        "val_top1_error": 0.3,
        "val_balanced_accuracy": 0.6,
        "val_macro_f1": 0.5,
    }
    assert monitored_error(logs, "top1_error") == 0.3
    assert monitored_error(logs, "balanced_accuracy") == pytest.approx(0.4)
    assert monitored_error(logs, "macro_f1") == 0.5
