"""JSON as TF Serving's parser reads it, one token at a time.

That parser is RapidJSON, told to stop after the first value and to accept
NaN and infinities. Python's `json` is far faster and agrees on what most
clients send; this reader settles the rest: which error a broken text has and
at which byte, the spelling `Inf`, numbers too big for a double, escaped
halves of surrogate pairs, and nesting of any depth, for it does not recurse.
"""

import math
import re

from export.server.errors import ServingError

BYTE_ORDER_MARK = "\ufeff"
_SPACES = frozenset(" \t\n\r")
_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(r"\.[0-9]*")
_EXPONENT = re.compile(r"[eE][+-]?[0-9]*")
_HEX4 = re.compile(r"[0-9A-Fa-f]{4}")
_WORDS = {"n": ("null", None), "t": ("true", True), "f": ("false", False)}
_ESCAPES = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))

_VALUE = "Invalid value."
_NAME = "Missing a name for object member."
_COLON = "Missing a colon after a name of object member."
_NEXT_MEMBER = "Missing a comma or '}' after an object member."
_NEXT_ELEMENT = "Missing a comma or ']' after an array element."


def read_exactly(text):
    """The first JSON value of a text.

    Args:
        text: str; bytes that are not UTF-8 stand in it as lone surrogates,
            as `bytes.decode(errors="surrogateescape")` leaves them.

    Returns:
        The value. Of equal keys in an object the first counts.

    Raises:
        ServingError: the text does not begin with a JSON value.
    """
    return _Reader(text).read()


class _Reader:
    def __init__(self, text):
        self._text = text
        self._at = int(text.startswith(BYTE_ORDER_MARK))

    def read(self):
        """Reads the value with a stack of the containers that are open."""
        if self._peek() in ("", ",", ":", "]", "}"):
            raise self._error("The document is empty.")
        open_containers = []  # of (container, name of its next member)
        while True:
            start = self._peek()
            if start in ("{", "["):
                self._at += 1
                container = {} if start == "{" else []
                if self._peek() != ("}" if start == "{" else "]"):
                    name = self._name() if start == "{" else None
                    open_containers.append((container, name))
                    continue
                self._at += 1
                value = container
            else:
                value = self._scalar(start)
            # Whatever ends with this value is put into what it stands in.
            while open_containers:
                container, name = open_containers.pop()
                if self._goes_on_after(value, container, name):
                    name = self._name() if name is not None else None
                    open_containers.append((container, name))
                    break
                value = container
            else:
                return value

    def _goes_on_after(self, value, container, name):
        """Adds `value` to its container; whether another one follows."""
        if name is None:
            container.append(value)
            end, fault = "]", _NEXT_ELEMENT
        else:
            container.setdefault(name, value)
            end, fault = "}", _NEXT_MEMBER
        mark = self._peek()
        if mark not in (",", end):
            raise self._error(fault)
        self._at += 1
        if mark == end:
            return False
        if self._peek() == end:
            raise self._error(_VALUE if name is None else _NAME)
        return True

    def _peek(self):
        """The next character after white space; "" at the end."""
        character = self._text[self._at : self._at + 1]
        if character in _SPACES:
            self._at = _SPACE.match(self._text, self._at).end()  # pyright: ignore[reportOptionalMemberAccess]
            character = self._text[self._at : self._at + 1]
        return "" if character == "\0" else character

    def _name(self):
        if self._peek() != '"':
            raise self._error(_NAME)
        name = self._string()
        if self._peek() != ":":
            raise self._error(_COLON)
        self._at += 1
        return name

    def _scalar(self, start):
        if start == '"':
            return self._string()
        if start in _WORDS:
            word, value = _WORDS[start]
            self._expect(word)
            return value
        return self._number()

    def _expect(self, word):
        """Steps over `word`, up to the first character that differs."""
        for character in word:
            if self._text[self._at : self._at + 1] != character:
                raise self._error(_VALUE)
            self._at += 1

    def _number(self):
        start = self._at
        sign = self._text.startswith("-", start)
        begin = self._text[start + sign : start + sign + 1]
        if begin in ("N", "I"):
            self._at += sign
            return self._not_finite(-1 if sign else 1, begin)
        digits = _NUMBER.match(self._text, start)
        if not digits:
            self._at += sign
            raise self._error(_VALUE)
        self._at = digits.end()
        fraction = self._part(
            _FRACTION, ".", "Missing fraction part in number."
        )
        exponent = self._part(
            _EXPONENT, ("e", "E", "+", "-"), "Missing exponent in number."
        )
        spelled = self._text[start : self._at]
        # An integer of over 308 digits may be infinite too.
        whole = not fraction and not exponent and len(spelled) < 300
        number = int(spelled) if whole else float(spelled)
        if math.isinf(number):
            self._at = start
            raise self._error("Number too big to be stored in double.")
        return number

    def _not_finite(self, sign, begin):
        if begin == "N":
            self._expect("NaN")
            return math.nan
        self._expect("Inf")
        if self._text.startswith("i", self._at):
            self._expect("inity")
        return sign * math.inf

    def _part(self, pattern, bare_ends, fault):
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        if found[0].endswith(bare_ends):
            raise self._error(fault)
        return found[0]

    def _string(self):
        self._at += 1
        pieces = []
        while True:
            plain = _PLAIN.match(self._text, self._at)
            assert plain
            pieces.append(plain[0])
            self._at = plain.end()
            stop = self._text[self._at : self._at + 1]
            if stop == '"':
                self._at += 1
                return "".join(pieces)
            if stop == "\\":
                pieces.append(self._escaped())
            elif stop in ("", "\0"):
                raise self._error("Missing a closing quotation mark in string.")
            else:
                raise self._error("Invalid encoding in string.")

    def _escaped(self):
        """The character behind a backslash, where the reader stands."""
        kind = self._text[self._at + 1 : self._at + 2]
        if kind in _ESCAPES:
            self._at += 2
            return _ESCAPES[kind]
        if kind != "u":
            raise self._error("Invalid escape character in string.")
        unit = self._unit(self._at)
        if not 0xD800 <= unit <= 0xDFFF:
            self._at += 6
            return chr(unit)
        lone = "The surrogate pair in string is invalid."
        if unit > 0xDBFF or not self._text.startswith("\\u", self._at + 6):
            raise self._error(lone)
        low = self._unit(self._at + 6)
        if not 0xDC00 <= low <= 0xDFFF:
            raise self._error(lone)
        self._at += 12
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))

    def _unit(self, at):
        digits = _HEX4.match(self._text, at + 2)
        if not digits:
            raise self._error("Incorrect hex digit after \\u escape in string.")
        return int(digits[0], 16)

    def _error(self, reason):
        before = self._text[: self._at].encode("utf-8", "surrogateescape")
        return ServingError(
            f"JSON Parse error: {reason} at offset: {len(before)}"
        )
