"""Mistakes, probable label errors and coverage on made-up predictions."""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from alexnet_tf.evaluation import mistakes as module
from alexnet_tf.evaluation.by_class import class_results
from alexnet_tf.evaluation.coverage import coverage_curve
from alexnet_tf.evaluation.evaluate import Evaluation
from alexnet_tf.evaluation.mistakes import label_errors, mistakes
from alexnet_tf.evaluation.outcome import outcome_from, outcome_values
from alexnet_tf.evaluation.tables import MOST_LISTED, write_rows
from tests.evaluation.outcomes import made_up_outcome

CLASSES = 5
NAMES = ["a", "b", "c", "d", "never"]  # the last has no images


def made_up(images=200, seed=0):
    """An `Evaluation` whose labels are right in nine of ten images."""
    random = np.random.default_rng(seed)
    true = random.integers(0, CLASSES - 1, images)
    logits = random.normal(size=(images, CLASSES))
    logits[np.arange(images), true] += 2 + true  # some classes are easier
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = true.copy()
    labels[::10] = (true[::10] + 1) % (CLASSES - 1)
    return Evaluation(1000 + np.arange(images), labels, probabilities)


def name_of(number):
    return f"image {number}"


def test_mistakes_stand_in_the_order_of_their_confidence():
    evaluation = made_up()
    found = mistakes(evaluation, NAMES, name_of)
    expected = []
    for number, label, row in zip(
        evaluation.ids, evaluation.labels, evaluation.probabilities, strict=True
    ):
        guess = max(range(CLASSES), key=lambda k: row[k])
        if guess != label:
            expected.append((row[guess], number, label, guess, row[label]))
    expected.sort(key=lambda m: (-m[0], m[1]))
    assert len(found) == len(expected) > 20
    for ours, (sure, number, label, guess, of_label) in zip(
        found, expected, strict=True
    ):
        assert ours.image == f"image {number}"
        assert (ours.label, ours.guess) == (NAMES[label], NAMES[guess])
        assert ours.guess_probability == sure
        assert ours.label_probability == of_label


def test_label_errors_are_those_of_confident_learning(monkeypatch):
    """Against its definition, a loop over images and classes."""
    monkeypatch.setattr(module, "CELLS", 70)  # in many parts
    evaluation = made_up()
    means = {}
    for k in range(CLASSES):
        of_class = [
            row[k]
            for label, row in zip(
                evaluation.labels, evaluation.probabilities, strict=True
            )
            if label == k
        ]
        if of_class:
            means[k] = math.fsum(of_class) / len(of_class)
    expected = []
    for number, label, row in zip(
        evaluation.ids, evaluation.labels, evaluation.probabilities, strict=True
    ):
        confident = [k for k, mean in means.items() if row[k] >= mean]
        if not confident:
            continue
        best = max(confident, key=lambda k: row[k])
        if best != label:
            expected.append((row[label] / means[label], number, best))
    expected.sort()
    found = label_errors(evaluation, NAMES, name_of)
    assert [(e.image, e.suggested) for e in found] == [
        (f"image {number}", NAMES[k]) for _, number, k in expected
    ]
    np.testing.assert_allclose(
        [e.self_confidence for e in found], [c for c, *_ in expected]
    )
    # Those that were planted are most of them, and most of those are found.
    planted = {f"image {1000 + number}" for number in range(0, 200, 10)}
    images = {e.image for e in found}
    assert len(images & planted) > 0.7 * max(len(images), len(planted))
    assert "never" not in {e.suggested for e in found}


def test_nothing_is_doubted_where_the_network_is_never_sure():
    labels = np.array([0, 1, 2])
    nothing = Evaluation(labels, labels, np.full((3, 4), 0.25))
    # Every class reaches its mean; the first of equals is suggested.
    assert [e.label for e in label_errors(nothing, NAMES, name_of)] == [
        *("b", "c"),
    ]
    zero = Evaluation(labels[:1], labels[:1], np.array([[0.0, 1.0]]))
    assert label_errors(zero, NAMES, name_of) == []


@pytest.mark.parametrize("seed", range(3))
def test_coverage_is_scikit_learns_accuracy_of_those_answered(seed):
    evaluation = made_up(seed=seed)
    labels, probabilities = evaluation.labels, evaluation.probabilities
    guesses = probabilities.argmax(axis=1)
    points = coverage_curve(labels, probabilities)
    assert (points[0].coverage, points[0].threshold) == (1, 0)
    for number, point in enumerate(points):
        assert point.threshold == number / 100
        # As --threshold has it: less probable guesses are no answers.
        kept = [not max(row) < point.threshold for row in probabilities]
        assert point.images == sum(kept)
        assert point.coverage == pytest.approx(sum(kept) / 200)
        assert point.error == pytest.approx(
            1 - accuracy_score(labels[kept], guesses[kept])
        )
    highest = probabilities.max()
    assert points[-1].threshold == math.floor(highest * 100) / 100


def test_a_network_that_is_certain_answers_at_every_threshold():
    points = coverage_curve(np.array([0, 1]), np.eye(2))
    assert len(points) == 101
    assert {(p.coverage, p.error) for p in points} == {(1, 0)}


def test_an_outcome_is_read_as_it_was_written(tmp_path):
    evaluation = made_up(images=2000)
    found = mistakes(evaluation, NAMES, name_of)
    assert len(found) > MOST_LISTED
    suspects = label_errors(evaluation, NAMES, name_of)
    outcome = made_up_outcome(
        samples=2000,
        per_class=tuple(class_results(evaluation.confusion(), NAMES)),
        coverage=coverage_curve(evaluation.labels, evaluation.probabilities),
        mistakes=tuple(found),
        label_errors=tuple(suspects),
        probable_label_errors=len(suspects),
    )
    values = outcome_values(outcome)
    assert values["per_class"][-1]["recall"] is None  # JSON has no NaN
    read = outcome_from(values)
    assert read.mistakes == outcome.mistakes[:MOST_LISTED]
    assert read.label_errors == outcome.label_errors[:MOST_LISTED]
    assert read.coverage == outcome.coverage
    assert read.per_class[:-1] == outcome.per_class[:-1]
    assert math.isnan(read.per_class[-1].recall)
    assert outcome_values(read) == values
    with pytest.raises(ValueError, match="no result of an evaluation"):
        outcome_from({**values, "mistakes": [{"image": "x"}]})


def test_a_table_has_a_column_for_each_attribute(tmp_path):
    points = coverage_curve(np.array([0, 1]), np.array([[0.5, 0.5], [0, 1]]))
    write_rows(tmp_path / "coverage.csv", type(points[0]), points)
    lines = (tmp_path / "coverage.csv").read_text().splitlines()
    assert lines[0] == "threshold,images,coverage,error"
    assert lines[51] == "0.500000,2,1.000000,0.000000"
    assert lines[52] == "0.510000,1,0.500000,0.000000"
