"""Answers; Python's json reads them back."""

import base64
import json

import numpy as np
import pytest

from export.server.json.answers import columns_json, rows_json
from export.server.serving_error import ServingError

CASES = {
    "float": np.float32([[[0.5, 1], [2, 0.1]], [[3, 4], [5, 1e30]]]),
    "double": np.array([0.1, 1e300]),
    "bool": np.array([[True], [False]]),
    "uint8": np.uint8([[0], [255]]),
    "int64": np.array([2**62, -5]),
    "uint64": np.array([2**64 - 1, 0], np.uint64),
}


@pytest.mark.parametrize("dtype", CASES)
def test_numbers(dtype):
    tensor = CASES[dtype]
    rows = json.loads(rows_json({"y": tensor}, {"y": dtype}))
    columns = json.loads(columns_json({"y": tensor}, {"y": dtype}))
    for answer in (rows["predictions"], columns["outputs"]):
        # repr: 1 is no 1.0 and no true
        read_back = np.array(answer, object)
        assert repr(read_back.tolist()) == repr(answer)
        assert read_back.shape == tensor.shape
        if dtype == "float":
            read_back = read_back.astype(np.float32)
        assert repr(read_back.tolist()) == repr(tensor.tolist())


def test_strings_and_bytes():
    tensors = {
        "text": np.array([b'"\xc3\xa9\n', b""], object),
        "raw_bytes": np.array([[b"\0\xff"], [b""]], object),
    }
    dtypes = dict.fromkeys(tensors, "string")
    encoded = [
        [{"b64": base64.b64encode(value).decode()} for value in row]
        for row in tensors["raw_bytes"]
    ]
    assert json.loads(columns_json(tensors, dtypes))["outputs"] == {
        "text": ['"é\n', ""],
        "raw_bytes": encoded,
    }
    assert json.loads(rows_json(tensors, dtypes))["predictions"] == [
        {"text": '"é\n', "raw_bytes": encoded[0]},
        {"text": "", "raw_bytes": encoded[1]},
    ]


def test_bytes_that_are_no_utf8_are_replaced():
    tensors = {"text": np.array([b"a\xffb"], object)}
    text = columns_json(tensors, {"text": "string"})
    assert json.loads(text) == {"outputs": ["a\ufffdb"]}


@pytest.mark.parametrize("dtype", ["float", "double"])
def test_every_number_is_read_back_exactly(dtype):
    own_type = {"float": np.float32, "double": np.float64}[dtype]
    random = np.random.default_rng(0)
    size = own_type().itemsize
    numbers = np.frombuffer(random.bytes(3000 * size), own_type)
    numbers = numbers[np.isfinite(numbers)]
    numbers = np.concatenate([numbers, own_type([0, -0.0, 0.1, 1e30, 3])])
    text = columns_json({"y": numbers}, {"y": dtype})
    read_back = json.loads(text)["outputs"]
    assert {type(number) for number in read_back} == {float}
    assert (own_type(read_back) == numbers).all()
    if dtype == "float":  # and not the seventeen digits of its exact value
        assert read_back == [float(str(number)) for number in numbers]


def test_numbers_that_are_not_finite():
    numbers = np.float32([np.nan, np.inf, -np.inf])
    text = columns_json({"y": numbers}, {"y": "float"})
    assert '"outputs": [NaN, Infinity, -Infinity]' in text


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3, 0)])
def test_scalars_and_empty_tensors(shape):
    tensor = np.ones(shape, np.float32)
    text = columns_json({"y": tensor}, {"y": "float"})
    assert json.loads(text) == {"outputs": tensor.tolist()}
    if shape:
        text = rows_json({"y": tensor}, {"y": "float"})
        assert json.loads(text) == {"predictions": tensor.tolist()}


def test_types_that_json_cannot_carry():
    tensors = {"y": np.zeros(2, np.complex64)}
    for write in (rows_json, columns_json):
        with pytest.raises(ServingError, match="tensor type: complex64"):
            write(tensors, {"y": "complex64"})
