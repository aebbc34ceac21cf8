"""Classification and regression results, and outputs that are neither."""

import json

import numpy as np
import pytest

from export.server.deadline import Deadline
from export.server.methods.classify import classify_json, regress_json
from export.server.serving_error import HTTP_STATUS, ServingError

LABELS = np.array([[b"a", b"\xc3\xa9"], [b"c", b"d"]], object)
SCORES = np.float32([[0.1, 2], [3, 4]])


class Answering:
    """A signature that answers the same, whatever it is asked."""

    def __init__(self, answers, **dtypes):
        self.input_dtypes = {"inputs": "string"}
        self.output_dtypes = dtypes
        self.definition = "..."
        self._answers = answers

    def run(self, feeds, seconds):
        assert feeds["inputs"].tolist() == [b"1", b"2"]
        return self._answers


def classified(**answers):
    dtypes = {"classes": "string", "scores": "float"}
    dtypes = {name: dtypes.get(name, "float") for name in answers}
    return json.loads(
        classify_json(Answering(answers, **dtypes), [b"1", b"2"], Deadline(60))
    )["results"]


def regressed(output, dtype="float"):
    signature = Answering({"outputs": output}, outputs=dtype)
    return json.loads(regress_json(signature, [b"1", b"2"], Deadline(60)))[
        "results"
    ]


def test_labels_and_scores():
    assert classified(classes=LABELS, scores=SCORES) == [
        [["a", 0.1], ["é", 2.0]],
        [["c", 3.0], ["d", 4.0]],
    ]
    assert classified(scores=SCORES)[0] == [["", 0.1], ["", 2.0]]
    assert classified(classes=LABELS)[1] == [["c", 0.0], ["d", 0.0]]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"scores": SCORES[0]}, "[batch_size num_classes] but got [2]"),
        ({"scores": SCORES[:1]}, "Expected scores output batch size of 2."),
        (
            {"classes": LABELS[:, :1], "scores": SCORES},
            "should match in dim_size(1). Got 1 vs. 2",
        ),
        ({"logits": SCORES}, 'at least one of "classes" or "scores"'),
        (
            {"classes": LABELS, "scores": SCORES, "more": SCORES},
            "Expected one or two output Tensors, found 3",
        ),
    ],
)
def test_outputs_that_are_no_classification(answers, message):
    with pytest.raises(ServingError) as caught:
        classified(**answers)
    assert message in caught.value.message
    assert HTTP_STATUS[caught.value.code] == 400


def test_scores_of_another_type():
    signature = Answering({"scores": SCORES.astype(float)}, scores="double")
    with pytest.raises(ServingError, match=r"of DT_FLOAT\. Got: DT_DOUBLE"):
        classify_json(signature, [b"1", b"2"], Deadline(60))


def test_one_number_per_example():
    assert regressed(np.float32([0.1, 2])) == [0.1, 2.0]
    assert regressed(np.float32([[0.1], [2]])) == [0.1, 2.0]


@pytest.mark.parametrize(
    ("output", "dtype", "message"),
    [
        (SCORES, "float", "[batch_size] or [batch_size, 1] but got [2,2]"),
        (SCORES[0, 0], "float", "but got []"),
        (SCORES[0, :1], "float", "batch size: 2 vs. 1"),
        (np.zeros(2), "double", "Tensor of DT_FLOAT.  Got: DT_DOUBLE"),
    ],
)
def test_outputs_that_are_no_regression(output, dtype, message):
    with pytest.raises(ServingError) as caught:
        regressed(output, dtype)
    assert message in caught.value.message
