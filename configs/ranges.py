"""What the values of a recipe may be.

A section of a recipe is a frozen dataclass whose annotations are what is
stated here, beside the value and its source:

    lr: Positive = 0.01  # sec. 5

Every number has to be finite, and whole where it is a `Count`.
"""

import dataclasses
import re
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a value has to obey.

    Attributes:
        holds: from the value to whether it does.
        words: the rule as an error message has it, after "a number".
    """

    holds: Callable[[Any], bool]
    words: str


def at_least(low: float) -> Rule:
    """`low` or more."""
    return Rule(lambda value: value >= low, f"of at least {low}")


def above(low: float) -> Rule:
    """More than `low`."""
    return Rule(lambda value: value > low, f"above {low}")


def at_most(high: float) -> Rule:
    """`high` or less."""
    return Rule(lambda value: value <= high, f"at most {high}")


def below(high: float) -> Rule:
    """Less than `high`."""
    return Rule(lambda value: value < high, f"below {high}")


def zero_or_from(low: int) -> Rule:
    """0, or `low` or more."""
    return Rule(
        lambda value: value == 0 or value >= low,
        f"that is 0, or at least {low}",
    )


def odd_from(low: int) -> Rule:
    """`low`, or an odd number above it."""
    return Rule(
        lambda value: value == low or (value > low and value % 2 == 1),
        f"that is {low}, or odd and larger",
    )


def distinct() -> Rule:
    """No value stands twice."""
    return Rule(lambda values: len(set(values)) == len(values), "none twice")


def distinct_firsts() -> Rule:
    """No two groups of values begin with the same."""
    return Rule(
        lambda groups: len({first for first, *_ in groups}) == len(groups),
        "each with another name in front",
    )


Finite = Annotated[float, Rule(lambda value: True, "that is finite")]
NotNegative = Annotated[float, at_least(0)]
Positive = Annotated[float, above(0)]
Share = Annotated[float, at_least(0), below(1)]  # perhaps nothing
Fraction = Annotated[float, at_least(0), at_most(1)]
TrueShare = Annotated[float, above(0), below(1)]
Exponent = Annotated[float, at_least(0), at_most(10)]
Grey = Annotated[float, at_least(0), at_most(255)]
CountOrZero = Annotated[int, at_least(0)]
Count = Annotated[int, at_least(1)]
Seed = Annotated[int, at_least(0), below(2**31)]
Text = Annotated[
    str, Rule(lambda value: value.strip() != "", "that is not blank")
]
Digest = Annotated[
    str,
    Rule(
        lambda value: re.fullmatch("any|[0-9a-f]{64}", value) is not None,
        "that is any, or 64 hexadecimal digits",
    ),
]

NAMES = {int: "a whole number", float: "a number", str: "text"}
Field = tuple[str, Any, Any]


def fields(section: Any, prefix: str = "") -> Iterator[Field]:
    """The (key, annotation, value) of each field, nested ones after a dot.

    Args:
        section: a recipe or a section of one, or its class.
        prefix: what all keys begin with.
    """
    kinds = typing.get_type_hints(
        section if isinstance(section, type) else type(section),
        include_extras=True,
    )
    for key, kind in kinds.items():
        value = getattr(section, key)
        if dataclasses.is_dataclass(kind):
            yield from fields(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", kind, value


def is_stated(kind: Any) -> bool:
    """Whether an annotation says what a value may be, not only its type."""
    parts = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return all(map(is_stated, _of_tuple(parts)))
    if typing.get_origin(kind) is Annotated:
        return typing.get_origin(parts[0]) is not tuple or is_stated(parts[0])
    return kind is bool or typing.get_origin(kind) is Literal


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is what an annotation says; a list may be a tuple."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return fits(value, parts[0]) and all(
            rule.holds(value) for rule in parts[1:]
        )
    if origin is Literal:
        return any(
            value == part and type(value) is type(part) for part in parts
        )
    if origin is tuple:
        if not isinstance(value, tuple | list):
            return False
        if parts[1:] == (...,):
            return all(fits(part, parts[0]) for part in value)
        return len(value) == len(parts) and all(map(fits, value, parts))
    if kind is float:  # a comparison with NaN is False
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and abs(value) <= sys.float_info.max
        )
    return isinstance(value, kind) and (
        kind is bool or not isinstance(value, bool)
    )


def in_words(kind: Any) -> str:
    """What an annotation says, such as "a number above 0"."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        rules = " and ".join(rule.words for rule in parts[1:])
        separator = ", " if typing.get_origin(parts[0]) is tuple else " "
        return f"{in_words(parts[0])}{separator}{rules}"
    if origin is Literal:
        *first, last = map(str, parts)
        return f"{', '.join(first)} or {last}" if first else last
    if origin is tuple:
        each = [in_words(part) for part in _of_tuple(parts)]
        if parts[1:] == (...,):
            return f"(), or values in parentheses, each {each[0]}"
        if len(set(each)) == 1:
            return f"{len(each)} values in parentheses, each {each[0]}"
        return f"({'; '.join(each)})"
    return "True or False" if kind is bool else NAMES[kind]


def _of_tuple(parts: tuple) -> list:
    return [part for part in parts if part is not ...]
