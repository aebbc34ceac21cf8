"""Evaluation of a toy network, and what is written about it."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from alexnet_tf.data.image_set import Source, Split
from alexnet_tf.data.records import Records
from alexnet_tf.evaluation.by_class import class_results
from alexnet_tf.evaluation.evaluate import Evaluation, evaluate
from alexnet_tf.evaluation.tables import (
    draw_confusion,
    write_confused,
    write_confusion,
    write_per_class,
)

COUNT, CLASSES = 150, 7  # more than a batch of 128, and not a whole number
BROKEN = (5, 140)


def records_of(labels, broken=()):
    """Images whose pixels all hold their number; some cannot be decoded."""

    def decode(number):
        good = tf.reduce_all(number != tf.constant(broken, tf.int64))
        with tf.control_dependencies([tf.debugging.Assert(good, [number])]):
            return tf.fill([256, 256, 3], tf.cast(number, tf.uint8))

    ids = np.arange(len(labels), dtype=np.int64)
    examples = tf.data.Dataset.from_tensor_slices(
        {"id": ids, "image": ids, "label": labels}
    )
    split = Split(examples=examples, size=len(labels), name_of=str)
    source = Source(
        name="made-up",
        class_names=(),
        train=split,
        validation=split,
        decode=decode,
        fingerprint="made-up",
        licence="None.",
    )
    records = Records(source, split, 0)
    records.leave_out(np.array(broken, np.int64))
    return records


def network_of(table):
    """Looks an image's logits up by the number that its pixels hold."""
    image = keras.Input((224, 224, 3), dtype="uint8")
    look_up = keras.layers.Lambda(
        lambda views: tf.gather(
            tf.constant(table, tf.float32),
            tf.cast(views[:, 0, 0, 0], tf.int32),
        ),
        output_shape=table.shape[1:],
    )
    return keras.Model(image, look_up(image))


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(0).integers(0, CLASSES, COUNT)


@pytest.fixture(scope="module")
def logits(labels):
    random = np.random.default_rng(1)
    return random.normal(size=(COUNT, CLASSES)) + 2 * np.eye(CLASSES)[labels]


@pytest.mark.parametrize("crops", [1, 10])
@pytest.mark.parametrize("broken", [(), BROKEN])
def test_every_image_is_predicted_once(labels, logits, crops, broken):
    records = records_of(labels, broken)
    evaluation = evaluate(network_of(logits), records, 224, crops)
    kept = np.setdiff1d(np.arange(COUNT), broken)
    np.testing.assert_array_equal(evaluation.ids, kept)
    np.testing.assert_array_equal(evaluation.labels, labels[kept])
    expected = softmax(logits[kept], axis=1)
    np.testing.assert_allclose(evaluation.probabilities, expected, rtol=1e-5)


def evaluation_of(labels, probabilities):
    return Evaluation(
        np.arange(len(labels)), labels, probabilities.astype(np.float32)
    )


def test_errors_and_confusion_are_those_of_numpy(labels, logits):
    evaluation = evaluation_of(labels, softmax(logits, axis=1))
    order = np.argsort(-logits, axis=1)
    for k in (1, 2, 5):
        right = (order[:, :k] == labels[:, None]).any(axis=1)
        assert evaluation.error(k) == pytest.approx(1 - right.mean(), abs=1e-7)
    expected = np.zeros((CLASSES, CLASSES), int)
    for label, guess in zip(labels, order[:, 0], strict=True):
        expected[label, guess] += 1
    confusion = evaluation.confusion()
    assert confusion.dtype == np.int64
    np.testing.assert_array_equal(confusion, expected)


def test_top1_error_and_confusion_agree_when_scores_tie():
    """A network whose last layer has died has the same score for all."""
    evaluation = evaluation_of(np.arange(10), np.full((10, 10), 0.1))
    right = np.trace(evaluation.confusion())
    assert evaluation.error(1) == pytest.approx(1 - right / 10)


@pytest.mark.parametrize("crops", [1, 10])
def test_a_very_certain_network_gets_no_credit_for_underflow(crops):
    """exp(-110) is 0 in float32: a tie of classes that differ by far."""
    logits = -110.0 - np.arange(10)[None].repeat(10, axis=0)
    logits[:, 0] = 0.0
    labels = np.arange(10)  # 0 to 4 are among the five best
    network, records = network_of(logits), records_of(labels)
    evaluation = evaluate(network, records, 224, crops)
    assert evaluation.error(5) == pytest.approx(0.5)


NAMES = ("cat", 'dog, "big"', "owl")
CONFUSION = np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])


def test_results_of_classes_are_scikit_learns():
    random = np.random.default_rng(3)
    labels = random.integers(0, 6, 400)  # class 6 has no images,
    guesses = np.where(random.random(400) < 0.6, labels, 6 - labels)
    guesses[guesses == 2] = 3  # and class 2 is no best guess
    confusion = confusion_matrix(labels, guesses, labels=range(8))
    found = class_results(confusion, "abcdefgh")
    expected = precision_recall_fscore_support(
        labels, guesses, labels=range(8), zero_division=np.nan
    )
    for name, values in zip(
        ("precision", "recall", "f1", "images"), expected, strict=True
    ):
        ours = [getattr(result, name) for result in found]
        np.testing.assert_allclose(ours, values, rtol=1e-12)
    assert [result.name for result in found] == list("abcdefgh")


def test_confused_pairs_are_sorted(tmp_path):
    confusion = np.array([[5, 1, 0], [3, 7, 0], [2, 0, 0]])
    write_confused(tmp_path / "confused.csv", confusion, NAMES)
    assert read_csv(tmp_path / "confused.csv")[1:] == [
        ['dog, "big"', "cat", "3", "0.3000"],
        ["owl", "cat", "2", "1.0000"],
        ["cat", 'dog, "big"', "1", "0.1667"],
    ]


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def test_the_confusion_matrix_as_csv(tmp_path):
    write_confusion(tmp_path / "confusion.csv", CONFUSION, NAMES)
    assert read_csv(tmp_path / "confusion.csv") == [
        ["label", "cat", 'dog, "big"', "owl"],
        ["cat", "3", "1", "0"],
        ['dog, "big"', "0", "2", "0"],
        ["owl", "0", "0", "0"],
    ]


def test_results_of_classes_as_csv(tmp_path):
    write_per_class(tmp_path / "per_class.csv", class_results(CONFUSION, NAMES))
    assert read_csv(tmp_path / "per_class.csv") == [
        ["class", "images", "precision", "recall", "f1"],
        ["cat", "4", "1.0000", "0.7500", "0.8571"],
        ['dog, "big"', "2", "0.6667", "1.0000", "0.8000"],
        ["owl", "0", "nan", "nan", "nan"],
    ]


@pytest.mark.parametrize("classes", [2, 21, 60])
def test_the_confusion_matrix_as_picture(tmp_path, classes):
    right = np.diag(np.full(classes, 3))
    pictures = []
    for confusion in (right, np.roll(right, 1, axis=1)):
        path = tmp_path / "confusion.png"
        names = [f"class {i}" for i in range(classes)]
        draw_confusion(path, confusion, names)
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 500
            pictures.append(np.asarray(picture.convert("RGB")))
    assert (pictures[0] != pictures[1]).any()
    assert [file.name for file in tmp_path.iterdir()] == ["confusion.png"]
