"""Documents: Python's json as oracle; what they cost is measured."""

import json
import random
import resource
import subprocess
import sys
import time

import pytest

from export.server.json.document import (
    MAX_DEPTH,
    MAX_VALUES,
    check_bounds,
    read_object,
    shortened,
    shown,
)
from export.server.serving_error import ServingError
from tests.contract.local_server import ROOT

MIB = 2**20


def error_of(body):
    with pytest.raises(ServingError) as caught:
        read_object(body)
    assert caught.value.code == "INVALID_ARGUMENT"
    return caught.value.message


def random_value(numbers, depth=0):
    kind = numbers.randrange(8 if depth < 4 else 6)
    if kind == 6:
        return [random_value(numbers, depth + 1) for _ in range(3)]
    if kind == 7:
        return {str(i): random_value(numbers, depth + 1) for i in range(3)}
    return [None, True, -7, 2.5e-3, 'é"\\\n[{,😀', 12345678901234567890][kind]


def test_sound_json_is_read_as_python_reads_it():
    numbers = random.Random(0)
    for _ in range(300):
        value = {"a": random_value(numbers), 'b"\\': random_value(numbers)}
        for ascii_only in (True, False):
            text = json.dumps(value, ensure_ascii=ascii_only)
            assert read_object(text.encode()) == value


@pytest.mark.parametrize(
    ("body", "reason", "offset"),
    [
        (" ", "The document is empty.", 1),
        ('{"a"', "Missing a colon after a name of object member.", 4),
        ('{"a": 1', "Missing a comma or '}' after an object member.", 7),
        ('{"a": 1 "b"', "Missing a comma or '}' after an object member.", 8),
        ('{"a": 1,}', "Missing a name for object member.", 8),
        ('{"a": "', "Missing a closing quotation mark in string.", 7),
        (r'{"a": "\ud800"}', "The surrogate pair in string is invalid.", 7),
    ],
)
def test_an_error_names_its_byte(body, reason, offset):
    """Reasons and offsets of RapidJSON's documentation."""
    told = f"JSON Parse error: {reason} at offset: {offset}"
    assert error_of(body.encode()) == told


def test_bytes_that_are_no_utf8_are_refused():
    assert "not UTF-8" in error_of(b'{"a": "\xff"}')


def test_integers_of_any_usual_length_are_exact():
    assert read_object(b'{"a": 18446744073709551615}')["a"] == 2**64 - 1
    assert read_object(b'{"a": -9223372036854775808}')["a"] == -(2**63)
    assert "JSON Parse error" in error_of(b'{"a": ' + 10**4 * b"9" + b"}")


def levels(depth, filling=b""):
    return b'{"a":' + (depth - 1) * b"[" + filling + (depth - 1) * b"]" + b"}"


def test_depth_is_counted_outside_of_strings():
    read_object(levels(MAX_DEPTH))
    assert "nested deeper" in error_of(levels(MAX_DEPTH + 1))
    brackets = json.dumps(['"[{\\' * 500, "\\", "[" * 500]).encode()
    read_object(levels(MAX_DEPTH - 1, brackets))
    # Over the border between two of the pieces that are counted.
    padding = (MIB - 50) * b" "
    assert "nested deeper" in error_of(padding + levels(MAX_DEPTH + 1))
    read_object(b'{"a": "' + (MIB - 8) * b"x" + rb"\\\"" + 500 * b"[" + b'"}')


def test_values_are_counted():
    numbers = b'{"a": [' + (MAX_VALUES - 3) * b"0," + b"0]}"
    check_bounds(numbers)
    with pytest.raises(ServingError, match="more than 4194304 values"):
        check_bounds(numbers.replace(b"[", b"[0,", 1))
    check_bounds(b'{"a": "' + 2 * MAX_VALUES * b"," + b'"}')


# 64 MiB of each: what a body may be. A process of its own, for its peak.
HOSTILE = {
    "brackets": 64 * MIB * b"[",
    "objects": 16 * MIB * b'{"":',
    "empty lists": b'{"a": [' + 21 * MIB * b"[]," + b"[]]}",
    "images": b'{"instances": [' + 5 * MIB * b'{"b64":""},' + b"1]}",
    "escapes": b'{"a": "' + 32 * MIB * b"\\\\" + b'"}',
    "quotes": b'{"a": "' + 32 * MIB * b'\\"' + b'"}',
    "strings": b'{"a": [' + 21 * MIB * b'"",' + b"1]}",
    "digits": b'{"a": ' + 64 * MIB * b"9" + b"}",
}
MEASURE = """
import resource, sys
from export.server.json.document import read_object
from export.server.serving_error import ServingError
body = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF)
try:
    read_object(body)
except ServingError:
    pass
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime - before.ru_utime, after.ru_maxrss - before.ru_maxrss)
"""


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_a_hostile_document_costs(kind):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=HOSTILE[kind],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    seconds, kilobytes = map(float, done.stdout.split())
    assert seconds < 5
    assert kilobytes < 400_000  # 64 MiB of "[" took 10.6 GB


def test_the_costliest_document_that_is_read():
    most = b'{"a": [' + (MAX_VALUES // 2 - 2) * b'{"b64":""},' + b"1]}"
    begin, before = time.process_time(), resource.getrusage(0).ru_maxrss
    read_object(most)
    assert time.process_time() - begin < 10
    assert resource.getrusage(0).ru_maxrss - before < 800_000


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"a": {"b": [1, [2.5, None, True]], "c": "é"}, "d": {}},
        [{"a": 1}, {"b": [{"c": 2}]}],
        2**70,
    ],
)
def test_a_shown_value_is_json(value):
    assert json.loads(shown(value)) == value


def test_an_object_stands_over_several_lines():
    assert shown({"a": [1, 2], "b": 1.5}) == (
        '{\n    "a": [1, 2],\n    "b": 1.5\n}'
    )


@pytest.mark.parametrize(
    "value",
    [
        list(range(10**6)),
        16 * MIB * "x",
        [16 * MIB * "x"],
        {16 * MIB * "x": 1},
        dict.fromkeys(map(str, range(10**6))),
        [[[0] * 1000] * 1000] * 1000,
    ],
)
def test_what_is_shown_of_a_long_value(value):
    begin = time.process_time()
    assert len(shown(value)) < 300
    assert time.process_time() - begin < 0.2


def test_what_is_cut_is_counted():
    assert shortened("abc", 3) == "abc"
    assert shortened("abcde", 3) == "abc... (2 more characters)"
