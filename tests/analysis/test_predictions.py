"""The most probable labels of test images."""

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.analysis.predictions import (
    OTHER,
    RIGHT,
    LabelledPrediction,
    draw_predictions,
    predict_examples,
    shortened,
)
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.evaluation.evaluate import evaluate
from alexnet_tf.network import build_network


def test_predictions_are_those_of_the_evaluation(small_model, image_folder):
    network = build_network(small_model)
    kernel = network.get_layer("fc8").kernels[0]
    kernel.assign(1000 * kernel)  # far from equal probabilities
    source = load_folder(image_folder)
    records = Records(source, source.validation, cache_gb=0)
    whole = evaluate(network, records, 224, 10)
    examples = list(records.dataset().take(4).as_numpy_iterator())
    for i, prediction in enumerate(predict_examples(network, examples, 224)):
        of_all = whole.probabilities[i]
        assert prediction.id == whole.ids[i]
        assert (
            list(prediction.guesses)
            == sorted(range(10), key=lambda label: -of_all[label])[:5]
        )
        assert prediction.probabilities == pytest.approx(
            of_all[list(prediction.guesses)], rel=1e-4
        )
        assert prediction.right == pytest.approx(
            of_all[prediction.label], rel=1e-4
        )


def test_the_bars_are_as_long_as_the_probabilities(tmp_path):
    image = np.zeros((256, 256, 3), np.uint8)
    prediction = LabelledPrediction(
        id=0,
        image=image,
        label=1,
        guesses=(0, 1),
        probabilities=(0.6, 0.3),
        right=0.3,
    )
    draw_predictions(tmp_path / "a.png", [prediction], ["", ""])
    with Image.open(tmp_path / "a.png") as file:
        pixels = np.asarray(file.convert("RGB"))
    right, other = (
        (pixels == [int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        .all(axis=-1)
        .any(axis=0)
        .sum()
        for colour in (RIGHT, OTHER)
    )
    assert other / right == pytest.approx(2, rel=0.03)  # edges are smoothed


def test_long_names_are_cut():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
