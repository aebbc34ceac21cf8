"""tf.Examples of classify and regress requests."""

import pytest
import tensorflow as tf

from export.server.deadline import Deadline
from export.server.json import examples
from export.server.serving_error import ServingError


def serialized_examples(document):
    return examples.serialized_examples(document, Deadline(60))


def features_of(document):
    return [
        {
            name: list(getattr(feature, feature.WhichOneof("kind")).value)
            for name, feature in tf.train.Example.FromString(
                serialized
            ).features.feature.items()
        }
        for serialized in serialized_examples(document)
    ]


def test_every_kind_of_feature():
    features = {
        "float": 0.5,
        "floats": [0.5, -1e300],
        "big": 2**70,
        "int": -(2**63),
        "ints": [1, True, False],
        "text": "é",
        "bytes": ["x", {"b64": "AP8="}],
    }
    assert features_of({"examples": [features]}) == [
        {
            "float": [0.5],
            "floats": [0.5, -float("inf")],
            "big": [2.0**70],
            "int": [-(2**63)],
            "ints": [1, 1, 0],
            "text": ["é".encode()],
            "bytes": [b"x", b"\0\xff"],
        }
    ]


def test_an_example_overrides_the_context():
    document = {
        "context": {"a": 1, "b": [1, 2, 3]},
        "examples": [{}, {"b": ["x"], "c": 2}],
    }
    assert features_of(document) == [
        {"a": [1], "b": [1, 2, 3]},
        {"a": [1], "b": [b"x"], "c": [2]},
    ]


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (2**63, "Feature: f has uint64 element. Only int64 is supported."),
        ([[1]], "Feature: f has element with unexpected JSON type: Array"),
        ({"a": 1}, "Feature: f has element with unexpected JSON type: Object"),
        (["a", 1], "Unexpected element type in feature: f expecting type: byt"),
        ([0.5, "a"], "Unexpected element type in feature: f expecting type: f"),
        ({"b64": "?"}, "Unable to base64 decode"),
    ],
)
def test_what_is_no_feature(feature, message):
    with pytest.raises(ServingError) as caught:
        serialized_examples({"examples": [{"f": feature}]})
    assert caught.value.message.startswith(message)


def test_a_context_is_an_object():
    with pytest.raises(ServingError, match="Example must be JSON object but"):
        serialized_examples({"context": [], "examples": [{}]})


def test_a_context_is_not_repeated_without_end():
    """A 1 MB context and a million examples would take a terabyte."""
    document = {"context": {"a": 2**20 * "x"}, "examples": [{}] * 2**20}
    with pytest.raises(ServingError, match=r"context of 10485\d\d bytes for 1"):
        serialized_examples(document)
