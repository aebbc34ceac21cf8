"""Tensors of predict requests; numpy stacks them as an oracle."""

import time

import numpy as np
import pytest

from export.server.deadline import Deadline
from export.server.json.document import decode_base64
from export.server.json.tensors import array_of, checked, input_tensors
from export.server.serving_error import ServingError

ARRAYS = [
    np.arange(24).reshape(2, 3, 4),
    np.zeros((3, 1, 1, 2), int),
    np.arange(5),
    np.zeros((2, 0), int),
]


def read(document, dtypes):
    return input_tensors(document, dtypes, Deadline(60))


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: str(a.shape))
@pytest.mark.parametrize("named", [False, True])
def test_rows_are_stacked(array, named):
    rows = array.tolist()
    if named:
        rows = [{"x": row} for row in rows]
    tensors, by_row = read({"instances": rows}, {"x": "int64"})
    assert by_row
    np.testing.assert_array_equal(tensors["x"], array, strict=True)


@pytest.mark.parametrize(
    "array", [*ARRAYS, np.array(7)], ids=lambda a: str(a.shape)
)
@pytest.mark.parametrize("named", [False, True])
def test_columns_are_whole_tensors(array, named):
    value = array.tolist()
    document = {"inputs": {"x": value, "extra": 1} if named else value}
    tensors, by_row = read(document, {"x": "int64"})
    assert not by_row
    np.testing.assert_array_equal(tensors["x"], array, strict=True)


def test_several_inputs():
    dtypes = {"a": "float", "b": "string"}
    rows = [{"a": [1, 2], "b": "x"}, {"b": {"b64": "eQ=="}, "a": [3, 4]}]
    by_row, _ = read({"instances": rows}, dtypes)
    columns = {"a": [[1, 2], [3, 4]], "b": ["x", "y"]}
    by_column, _ = read({"inputs": columns}, dtypes)
    for tensors in (by_row, by_column):
        assert tensors["a"].tolist() == [[1, 2], [3, 4]]
        assert tensors["b"].tolist() == [b"x", b"y"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2], 3], "3 found at incorrect level: 2 in the JSON DOM"),
        ([1, [2]], "Encountered list at unexpected level: 1 expected < 1"),
        ([[1], [2, 3]], "unexpected size: 2 at level: 1 expected size: 1"),
        # Depth first: the fault that comes first is told.
        ([["a", 1], [2]], '"a" Type: String is not of expected type: int64'),
        ([[1], [2, "a"]], "unexpected size: 2 at level: 1"),
    ],
)
def test_ragged_lists_are_refused(value, message):
    with pytest.raises(ServingError) as caught:
        read({"inputs": value}, {"x": "int64"})
    assert message in caught.value.message


@pytest.mark.parametrize("depth", [33, 100_000])
def test_lists_deeper_than_any_tensor_are_refused(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    with pytest.raises(ServingError, match="nested deeper than 32"):
        read({"inputs": value}, {"x": "float"})
    with pytest.raises(ServingError, match="nested deeper than 32"):
        read({"instances": [value]}, {"x": "float"})


def test_a_broken_row_is_named():
    rows = [{"a": 1, "b": 2}, {"a": 1, "b": [2]}]
    with pytest.raises(ServingError) as caught:
        read({"instances": rows}, {"a": "float", "b": "float"})
    assert caught.value.message == (
        "Failed to process element: 1 key: b of 'instances' list. Error: "
        "INVALID_ARGUMENT: Expecting shape [] but got: [1]"
    )


RANGES = {
    "int8": (-(2**31), 2**31 - 1),
    "uint8": (-(2**31), 2**31 - 1),
    "int16": (-(2**31), 2**31 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


@pytest.mark.parametrize("dtype", RANGES)
def test_integers_of_the_carrying_type_are_cut_to_their_own(dtype):
    lowest, highest = RANGES[dtype]
    values = [lowest, 0, 1, 300, highest]
    array = array_of(checked(values, dtype), dtype)
    assert array.dtype == dtype
    bits = np.iinfo(dtype).bits
    assert [int(v) % 2**bits for v in array] == [v % 2**bits for v in values]
    for outside in (lowest - 1, highest + 1):
        with pytest.raises(ServingError, match=f"{outside} Type: Number is"):
            checked([0, outside], dtype)


@pytest.mark.parametrize(
    ("dtype", "wrong"),
    [
        ("int32", 1.0),
        ("int32", True),
        ("float", True),
        ("float", None),
        ("double", "1"),
        ("bool", 1),
        ("bool", "true"),
        ("string", 1),
        ("string", None),
        ("float", {"b64": "AA=="}),
    ],
)
def test_a_scalar_of_another_type_is_refused(dtype, wrong):
    with pytest.raises(ServingError, match=f"not of expected type: {dtype}$"):
        checked([wrong], dtype)


def test_floats_are_rounded():
    values = [1, 0.1, 1e39, -1e39, 1e-60, 2**24 + 1]
    array = array_of(checked(values, "float"), "float")
    assert array.dtype == np.float32
    assert array.tolist() == [1, np.float32(0.1), np.inf, -np.inf, 0, 2**24]
    assert array_of([0.1], "double").tolist() == [0.1]


def test_strings_are_bytes_of_any_kind():
    scalars = ["é", {"b64": "AAECAA=="}, ""]
    array = array_of(checked(scalars, "string"), "string")
    assert array.tolist() == ["é".encode(), b"\0\1\2\0", b""]


def test_types_that_json_cannot_carry():
    for dtype in ("half", "bfloat16", "complex64", "uint16"):
        with pytest.raises(ServingError, match=f"to type: {dtype}$") as caught:
            checked([1.0], dtype)
        assert caught.value.code == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    "text", ["QUJD", "QUI=", "QUI", " Q U\tI\n= ", "QQ==", "QQ", ""]
)
def test_base64_is_decoded(text):
    assert decode_base64({"b64": text}) in (b"ABC", b"AB", b"A", b"")


@pytest.mark.parametrize(
    "text", ["_-8=", "!!!!", "Q", "QQ=", "QQ===", "Q=Q=", "QUI=QUI=", "é"]
)
def test_what_is_not_base64_is_refused(text):
    with pytest.raises(ServingError, match="Unable to base64 decode"):
        decode_base64({"b64": text})


def test_work_ends_with_its_time():
    document = {"instances": [[[1, 2]] * 200_000] * 5}
    begin = time.monotonic()
    with pytest.raises(ServingError) as caught:
        input_tensors(document, {"x": "int64"}, Deadline(0.05))
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - begin < 0.5
