"""Pictures of mistakes: which, of what, and where the evidence lies."""

import numpy as np
import pytest

from alexnet_tf.analysis.grad_cam import Evidence
from alexnet_tf.analysis.heat import heat_over
from alexnet_tf.analysis.mistake_gallery import (
    SIDE,
    shown_label_errors,
    shown_mistakes,
)
from alexnet_tf.evaluation.mistakes import LabelError, Mistake
from alexnet_tf.network import build_network


def mistake(image, guess):
    return Mistake(
        image=image,
        label="a",
        guess=guess,
        guess_probability=0.9,
        label_probability=0.1,
    )


@pytest.fixture
def evidence(small_model):
    for name in small_model.weight_std:
        small_model.weight_std[name] = 0.05
    return Evidence(build_network(small_model, trainable=False), 224)


def test_those_whose_images_are_there_are_shown_in_order(evidence):
    random = np.random.default_rng(0)
    records = {
        name: random.integers(0, 256, (256, 256, 3), np.uint8) for name in "xyz"
    }
    found = [mistake("z", "c"), mistake("gone", "b"), mistake("x", "b")]
    shown = shown_mistakes(found, records, list("abcdefghij"), evidence)
    assert [one.mistake for one in shown] == [found[0], found[2]]
    for one in shown:
        assert one.image.shape == one.evidence.shape == (SIDE, SIDE, 3)
        # Of the crop's 224 pixels: a mean over areas, so means are the same.
        crop = records[one.mistake.image][16:240, 16:240]
        assert abs(one.image.mean() - crop.mean()) < 1
    # The evidence is that of the guess.
    crops, alone = evidence(records["x"][None], np.array([1]))
    np.testing.assert_array_equal(crops[0], records["x"][16:240, 16:240])
    assert abs(shown[1].evidence.mean() - alone[0].mean()) < 1
    _, other = evidence(records["x"][None], np.array([4]))
    assert (alone != other).any()
    assert shown_mistakes(found, {}, list("abc"), evidence) == []


def test_label_errors_that_are_there_are_shown():
    def error(image):
        return LabelError(
            image=image,
            label="a",
            suggested="b",
            suggested_probability=0.9,
            label_probability=0.1,
            self_confidence=0.2,
        )

    record = np.full((256, 256, 3), 7, np.uint8)
    [shown] = shown_label_errors([error("gone"), error("x")], {"x": record})
    assert shown.error == error("x")
    assert shown.image.shape == (SIDE, SIDE, 3)
    assert (shown.image == 7).all()


def test_heat_goes_from_black_to_yellow_over_a_fainter_photograph():
    image = np.full((2, 2, 3), 100, np.uint8)
    heat = np.array([[0.0, 2.0], [1.0, 0.0]])
    picture = heat_over(image, heat).astype(int)
    assert (picture[0, 0] < 45).all()  # black, and a third of the grey
    red, green, blue = picture[0, 1]
    assert min(red, green) > blue + 40  # yellow
    np.testing.assert_array_equal(picture[0, 0], picture[1, 1])
    nothing = heat_over(image, np.zeros((2, 2)))
    assert (nothing == picture[0, 0]).all()
