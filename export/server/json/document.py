"""Reads and writes JSON with RapidJSON, the parser of TF Serving.

What a document costs is bounded before it is parsed: a parser holds the
interpreter until it is done, and nothing could stop it.
"""

import base64
from typing import Any

import numpy as np
import rapidjson

from export.server.serving_error import ServingError

MAX_DEPTH = 100
# This is 15 images of 256 x 256 x 3 as nested lists. The costliest values,
# objects {"b64": ""}, then take some 450 MB.
MAX_VALUES = 2**22

_PIECE = 2**20
_STRUCTURE = b'[]{},"'
_ALL_ELSE = bytes(set(range(256)) - set(_STRUCTURE))
_SHOWN_CHARACTERS = 200
_SHOWN_VALUES = 64


def read_object(body: bytes | bytearray) -> dict[str, Any]:
    """The JSON object that a body is.

    NaN, Infinity and -Infinity are numbers, as in TF Serving; of equal keys
    the last counts.

    Args:
        body: UTF-8, not packed.

    Raises:
        ServingError: it is no JSON, another value than an object, nested
            deeper than `MAX_DEPTH` or of more than `MAX_VALUES` values.
    """
    if not body:
        raise ServingError("JSON Parse error: The document is empty")
    check_bounds(body)
    try:
        document = rapidjson.loads(body, number_mode=rapidjson.NM_NAN)
    except rapidjson.JSONDecodeError as error:
        raise ServingError(f"JSON Parse error: {_reason(error)}") from None
    except UnicodeDecodeError as error:
        raise ServingError(f"JSON Parse error: not UTF-8: {error}") from None
    except ValueError as error:  # an integer of thousands of digits
        raise ServingError(f"JSON Parse error: {error}") from None
    if not isinstance(document, dict):
        raise ServingError(f"JSON Value: {shown(document)} Is not object")
    return document


def check_bounds(body: bytes | bytearray) -> None:
    """Refuses what is nested too deep or has too many values.

    Up to its first fault a document is counted as the parser would; behind
    that the parser does not go. Takes less than 0.1 us a byte and a few MB,
    or once the body's size where it has backslashes.

    Raises:
        ServingError: the document is beyond `MAX_DEPTH` or `MAX_VALUES`.
    """
    if b"\\" in body:
        # A quotation mark behind a backslash ends no string.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    depth, inside, values = 0, 0, 1
    for begin in range(0, len(body), _PIECE):
        piece = body[begin : begin + _PIECE].translate(None, _ALL_ELSE)
        marks = np.frombuffer(piece, np.uint8)
        in_string = (np.cumsum(marks == ord('"')) + inside) % 2
        inside = in_string[-1] if len(marks) else inside
        marks = marks[in_string == 0]
        opened = (marks == ord("[")) | (marks == ord("{"))
        closed = (marks == ord("]")) | (marks == ord("}"))
        # Each value but the outermost follows a bracket or a comma.
        values += np.count_nonzero(opened) + np.count_nonzero(marks == ord(","))
        depths = depth + np.cumsum(opened.astype(int) - closed)
        depth = depths[-1] if len(depths) else depth
        if depths.max(initial=0) > MAX_DEPTH:
            raise ServingError(
                f"JSON Parse error: nested deeper than {MAX_DEPTH} levels"
            )
        if values > MAX_VALUES:
            raise ServingError(
                f"JSON Parse error: more than {MAX_VALUES} values; send images "
                'as files, {"b64": "..."}, or fewer in one request'
            )


def written(value: Any) -> str:
    """A value as JSON text: objects over several lines, arrays in one."""
    return rapidjson.dumps(
        value,
        indent=4,
        ensure_ascii=False,
        write_mode=rapidjson.WM_SINGLE_LINE_ARRAY,
    )


def shown(value: Any) -> str:
    """The beginning of a JSON value, for an error message."""
    return shortened(written(_beginning(value, [_SHOWN_VALUES])))


def shortened(text: str, most: int = _SHOWN_CHARACTERS) -> str:
    """A text of at most some `most` characters; what is cut is counted."""
    if len(text) <= most:
        return text
    return f"{text[:most]}... ({len(text) - most} more characters)"


def is_base64_object(value: Any) -> bool:
    """Whether a JSON value is {"b64": a string} and nothing else."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )


def decode_base64(value: dict[str, str]) -> bytes:
    """The bytes of {"b64": ...}; white space and missing "=" are allowed.

    Raises:
        ServingError: it is not base64 of the usual alphabet.
    """
    text = "".join(value["b64"].split())
    digits = text.rstrip("=")
    padding = "=" * (-len(digits) % 4)
    if len(text) not in (len(digits), len(digits) + len(padding)):
        raise ServingError("Unable to base64 decode")
    try:
        return base64.b64decode(digits + padding, validate=True)
    except ValueError:
        raise ServingError("Unable to base64 decode") from None


def _reason(error: rapidjson.JSONDecodeError) -> str:
    """RapidJSON's reason, with the place behind it as TF Serving has it."""
    place, _, reason = str(error).partition(": ")
    return f"{reason} at offset: {place.split()[-1]}"


def _beginning(value: Any, left: list[int]) -> Any:
    """A copy of the first `left[0]` values, with long strings cut."""
    left[0] -= 1
    if isinstance(value, str):
        return value[: 2 * _SHOWN_CHARACTERS]
    if isinstance(value, list):
        copied = []
        for element in value:
            if left[0] <= 0:
                break
            copied.append(_beginning(element, left))
        return copied
    if isinstance(value, dict):
        members = {}
        for name, member in value.items():
            if left[0] <= 0:
                break
            members[shortened(name)] = _beginning(member, left)
        return members
    return value
