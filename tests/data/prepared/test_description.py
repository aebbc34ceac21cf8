"""dataset.json as anyone may have written it."""

import copy
import json

import pytest

from alexnet_tf.data.prepared.description import read_description
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.errors import UserError

SOUND = {
    "version": 1,
    "source": "folder",
    "format": "raw",
    "class_names": ["cat", "dog"],
    "licence": "None.",
    "covariance": [[3.0, 1, 1], [1, 3.0, 1], [1, 1, 3.0]],
    "splits": {
        "train": [
            {
                "file": "train-00000-of-00001.raw",
                "records": 2,
                "bytes": 393_344,
                "sha256": 64 * "0",
            }
        ]
    },
}
SHARD = ("splits", "train", 0)


def changed(place, value):
    """The text of a description with one value changed."""
    description = copy.deepcopy(SOUND)
    part = description
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return json.dumps(description)


def without(place):
    description = copy.deepcopy(SOUND)
    part = description
    for key in place[:-1]:
        part = part[key]
    del part[place[-1]]
    return json.dumps(description)


def refusal(folder, text):
    (folder / "dataset.json").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )
    with pytest.raises(UserError) as refused:
        load_prepared(folder)
    message = str(refused.value)
    assert "\n" not in message
    assert len(message) < 400 + len(str(folder))
    assert "dataset.json" in message
    return message


def test_the_sound_one_is_read(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps(SOUND))
    description = read_description(tmp_path)
    assert description.class_names == ("cat", "dog")
    assert description.splits == SOUND["splits"]


@pytest.mark.parametrize(
    "place",
    [
        *((key,) for key in SOUND if key != "version"),
        *((*SHARD, key) for key in SOUND["splits"]["train"][0]),
        ("splits", "train"),
    ],
    ids=lambda place: place[-1],
)
def test_nothing_may_be_missing(tmp_path, place):
    assert place[-1] in refusal(tmp_path, without(place))


HUGE = 10**400


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("version",), "1"),
        (("version",), HUGE),
        (("source",), None),
        (("format",), "pickle"),
        (("format",), ["raw"]),
        (("class_names",), "cat and dog"),
        (("class_names",), ["cat"]),
        (("class_names",), ["cat", 7]),
        (("class_names",), {"cat": 0, "dog": 1}),
        (("licence",), 5),
        (("covariance",), [[1.0, 2.0], [3.0, 4.0]]),
        (("covariance",), [[1.0] * 3] * 2 + [["x"] * 3]),
        (("covariance",), [[float("nan")] * 3] * 3),
        (("covariance",), [[float("inf")] * 3] * 3),
        (("covariance",), [[HUGE] * 3] * 3),
        (("covariance",), [[True] * 3] * 3),
        (("splits",), []),
        (("splits",), {"train": [], "validation": []}),
        (("splits", "test"), SOUND["splits"]["train"]),
        (("splits", "train"), SOUND["splits"]["train"] * 2),
        (SHARD, "train-00000-of-00001.raw"),
        ((*SHARD, "records"), -1),
        ((*SHARD, "records"), 2.0),
        ((*SHARD, "records"), True),
        ((*SHARD, "records"), 0),
        ((*SHARD, "records"), HUGE),
        ((*SHARD, "records"), 10**9),  # more than so many bytes can hold
        ((*SHARD, "bytes"), -1),
        ((*SHARD, "bytes"), HUGE),
        ((*SHARD, "sha256"), "0" * 63),
        ((*SHARD, "sha256"), None),
    ],
)
def test_odd_values_are_one_clear_line(tmp_path, place, value):
    refusal(tmp_path, changed(place, value))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[1, 2]",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"version": ' + b"9" * 10_000 + b"}",
    ],
    ids=["empty", "null", "list", "bytes", "deep", "digits"],
)
def test_no_description_at_all(tmp_path, text):
    refusal(tmp_path, text)
