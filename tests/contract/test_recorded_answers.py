"""The local server answers as TensorFlow Serving did.

recorded_answers.json holds 186 requests and what the REST front end of
TensorFlow Serving, HEAD 9d981c5 of 2026-07-30, over TensorFlow 2.21.0 answered
them. All of them are compared; no difference is allowed for but

- the order of the members of an object,
- the last digit of a number (the answers were recorded on another CPU),
- the names of tensors and graph nodes, which change with every export.
"""

import gzip
import http.client
import json
import math
import os
import pathlib
import urllib.parse

import pytest

RECORDED = json.loads(
    (pathlib.Path(__file__).parent / "recorded_answers.json").read_text()
)
PAIRS = RECORDED["pairs"]

# What this server answers otherwise on purpose: {name: why}.
DIFFERENT = {
    "trailing garbage": "leniency: TF Serving ignores what follows a document",
    "duplicate key": "leniency: here the last of equal keys counts",
    "root": "convenience: it leads to the page",
    "HEAD": "convenience: as GET, without a body",
    "OPTIONS with origin": "protection: foreign pages are refused",
    "BOM": "leniency: a byte-order mark is no JSON",
}
# The genuine server loops over an unordered map: one of two at random.
EITHER = {
    "batch_mismatch: mismatch (row)": (
        "Tensor name: b has inconsistent batch size: 2 expecting: 1",
        "Tensor name: a has inconsistent batch size: 1 expecting: 2",
    )
}


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
def test_the_answer_is_the_recorded_one(toy_url, pair):
    status, content_type, answer = ask(toy_url, pair)
    if pair["name"] in DIFFERENT and "TFS_URL" not in os.environ:
        recorded = (pair["status"], comparable(pair["answer"]))
        assert (status, comparable(answer)) != recorded, "strike it off"
        return
    assert (status, content_type.split(";")[0]) == (
        pair["status"],
        pair["content_type"].split(";")[0],
    )
    expected = comparable(pair["answer"])
    if pair["name"] in EITHER:
        assert expected["error"] in EITHER[pair["name"]]
        assert comparable(answer)["error"] in EITHER[pair["name"]]
        return
    assert same(comparable(answer), expected), f"{answer}\n\n{expected}"


def test_all_recorded_pairs_are_compared():
    names = {pair["name"] for pair in PAIRS}
    assert len(names) == 186
    assert DIFFERENT.keys() <= names
    assert len(names - DIFFERENT.keys()) >= 165


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": [1.5, "x"]}, {"a": [1.5, "y"]}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": True}, {"a": 1}),
        ({"a": 1.5}, {"a": 1.50001}),
        ({"a": math.nan}, {"a": 0.0}),
        ({"a": []}, {"a": [[]]}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"error": "a"}, {"error": "b"}),
        ("<html>", ""),
    ],
)
def test_the_comparison_sees_differences(one, other):
    assert not same(one, other)
    assert not same(other, one)
    assert same(one, one)


def ask(url, pair):
    """(status, content type, body) of the answer to a recorded request."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    body = pair["body"]
    if body is not None:
        body = body.encode()
        body = gzip.compress(body) if pair["packed"] else body
    try:
        connection.request(pair["method"], pair["path"], body, pair["headers"])
        response = connection.getresponse()
        text = response.read().decode("utf-8", "backslashreplace")
        return response.status, response.headers["Content-Type"], text
    finally:
        connection.close()


def comparable(text):
    """A body as a JSON value, without what no two exports share."""
    try:
        value = json.loads(text)
    except ValueError:
        return text.strip()
    if "error" in value:
        # The node where the graph failed, and a message as protobuf's text.
        message = value["error"].split("\n\t [[")[0]
        return {**value, "error": message.split("SignatureDef:")[0]}
    if "metadata" in value:
        signatures = value["metadata"]["signature_def"]["signature_def"]
        for signature in signatures.values():
            for kind in ("inputs", "outputs"):
                for tensor in signature[kind].values():
                    del tensor["name"]
    return value


def same(one, other):
    """Whether two JSON values are the same, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(one[key], other[key]) for key in one
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and not math.isnan(one):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other or (one != one and other != other)
