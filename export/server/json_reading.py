"""The JSON object in the body of a request."""

import json
import math
import re

from export.server.errors import ServingError
from export.server.json_grammar import BYTE_ORDER_MARK, read_exactly
from export.server.json_text import shown

_SPACE = re.compile(r"[ \t\n\r]*")


def read_object(body):
    """The JSON object that a body begins with; what follows it is ignored.

    Args:
        body: bytes, not packed. Bytes that are not UTF-8 become lone
            surrogates (`errors="surrogateescape"`), so that strings keep
            them.

    Returns:
        dict.

    Raises:
        ServingError: no JSON, or another value than an object.
    """
    if not body:
        raise ServingError("JSON Parse error: The document is empty")
    text = body.decode("utf-8", "surrogateescape")
    document = _read(text)
    if not isinstance(document, dict):
        raise ServingError(f"JSON Value: {shown(document)} Is not object")
    return document


def signature_name(document):
    """The value of "signature_name", "" without one.

    Raises:
        ServingError: it is no string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise ServingError(
            f"JSON Value: {shown(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def _read(text):
    # Halves of surrogate pairs are escaped so. Python lets them stand alone.
    if "\\ud" not in text and "\\uD" not in text:
        begin = _SPACE.match(text, text.startswith(BYTE_ORDER_MARK)).end()  # pyright: ignore[reportOptionalMemberAccess]
        try:
            return _QUICK.raw_decode(text, begin)[0]
        except (ValueError, RecursionError):
            pass  # broken, or beyond what Python's json reads
    return read_exactly(text)


def _first_of_equal_keys(members):
    result = dict(members)
    if len(result) < len(members):
        result = {}
        for name, value in members:
            result.setdefault(name, value)
    return result


def _finite(spelled):
    number = float(spelled)
    if math.isinf(number):
        raise ValueError("too big for a double")
    return number


_QUICK = json.JSONDecoder(
    object_pairs_hook=_first_of_equal_keys, parse_float=_finite
)
