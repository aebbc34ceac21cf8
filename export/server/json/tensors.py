"""Input tensors of a predict request, by row or by column."""

import math
from typing import Any

import numpy as np

from export.server.deadline import Deadline
from export.server.json.document import (
    decode_base64,
    is_base64_object,
    shortened,
    shown,
)
from export.server.serving_error import ServingError

MAX_RANK = 32  # of numpy 1

_INT32 = (-(2**31), 2**31 - 1)
# An integer must fit the type that TF Serving carries it in and is then cut
# to its own: 300 becomes 44 as uint8, there as here.
_INTEGERS = {
    "int8": (np.int8, _INT32),
    "uint8": (np.uint8, _INT32),
    "int16": (np.int16, _INT32),
    "int32": (np.int32, _INT32),
    "int64": (np.int64, (-(2**63), 2**63 - 1)),
    "uint32": (np.uint32, (0, 2**32 - 1)),
    "uint64": (np.uint64, (0, 2**64 - 1)),
}
_FLOATS = {"float": np.float32, "double": np.float64}
_TYPE_NAMES = {
    type(None): "Null",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}


def input_tensors(
    document: dict[str, Any], dtypes: dict[str, str], deadline: Deadline
) -> tuple[dict[str, np.ndarray], bool]:
    """Reads the tensors that a predict request carries.

    Args:
        document: has "instances" (one value, or one object of named values,
            per row) or "inputs" (one tensor, or an object of named tensors).
        dtypes: {name of an input: type, as the C++ code spells it}.
        deadline: ends the work.

    Returns:
        ({name: array}, whether the request is by row).

    Raises:
        ServingError: the request has another form, does not fit `dtypes` or
            is late.
    """
    if "instances" not in document and "inputs" not in document:
        raise ServingError("Missing 'inputs' or 'instances' key")
    builders = {
        name: _TensorBuilder(dtypes[name], deadline) for name in sorted(dtypes)
    }
    if "instances" not in document:
        _add_columns(document["inputs"], builders)
        return {name: b.tensor() for name, b in builders.items()}, False
    if "inputs" in document:
        raise _unfit(
            document,
            "Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist ",
        )
    rows = document["instances"]
    if not isinstance(rows, list):
        raise _unfit(document, "Expecting 'instances' to be an list/array")
    if not rows:
        raise _unfit(document, "No values in 'instances' array")
    _add_rows(rows, builders)
    return {name: b.batch() for name, b in builders.items()}, True


def checked(scalars: list, dtype: str) -> list:
    """The JSON scalars, if all are of a tensor's type.

    Args:
        scalars: numbers, booleans, strings, None or {"b64": ...}.
        dtype: name of the type as TensorFlow's C++ code spells it: "float",
            "double", "int32", "string", "half", ...

    Returns:
        Numbers or booleans; objects of type bytes for "string".

    Raises:
        ServingError: a scalar is not of the type; about the first such.
    """
    if dtype == "string":
        return [_bytes_of(scalar) for scalar in scalars]
    if dtype == "bool":
        _check_types(scalars, {bool}, dtype)
    elif dtype in _FLOATS:
        _check_types(scalars, {int, float}, dtype)
    elif dtype in _INTEGERS:
        _check_types(scalars, {int}, dtype)
        lowest, highest = _INTEGERS[dtype][1]
        if scalars and not lowest <= min(scalars) <= max(scalars) <= highest:
            wrong = next(s for s in scalars if not lowest <= s <= highest)
            raise _type_error(wrong, dtype)
    elif scalars and isinstance(scalars[0], dict):
        raise _type_error(scalars[0], dtype)
    else:
        value = f" of JSON Value: {shown(scalars[0])}" if scalars else ""
        raise ServingError(
            f"Conversion{value} to type: {dtype}", "UNIMPLEMENTED"
        )
    return scalars


def array_of(values: list, dtype: str) -> np.ndarray:
    """The array [len(values)] of what `checked` returned.

    Raises:
        ServingError: an integer is beyond what a double holds.
    """
    if dtype == "string":
        # This is not np.array(values): its "S" type drops zero bytes at the
        # end.
        array = np.empty(len(values), object)
        array[:] = values
        return array
    if dtype == "bool":
        return np.array(values, bool)
    if dtype in _INTEGERS:
        own_type, (lowest, _) = _INTEGERS[dtype]
        wide = np.int64 if lowest else np.uint64
        return np.array(values, wide).astype(own_type)
    try:
        doubles = np.array(values, np.float64)
    except OverflowError:  # an integer of over 308 digits
        raise ServingError(
            "JSON Parse error: Number too big to be stored in double."
        ) from None
    with np.errstate(over="ignore"):  # 1e39 becomes infinity
        return doubles.astype(_FLOATS[dtype])


def type_name(value: Any) -> str:
    """What TF Serving calls the JSON type of a value."""
    return str(value) if isinstance(value, bool) else _TYPE_NAMES[type(value)]


class _TensorBuilder:
    """Collects JSON values of one shape and makes them a tensor."""

    def __init__(self, dtype: str, deadline: Deadline) -> None:
        self._dtype = dtype
        self._deadline = deadline
        self._shape: tuple[int, ...] = ()
        self._values: list = []
        self._count = 0

    def add(self, value: Any) -> None:
        """Adds a value: a scalar or nested lists of equal lengths.

        Raises:
            ServingError: it has another shape than the values before, is no
                array, or holds what is not of the type.
        """
        self._deadline.check()
        shape = _shape_of(value)
        scalars: list = []
        try:
            self._collect(value, 0, shape, scalars)
        except ServingError:
            checked(scalars, self._dtype)  # a fault before is told instead
            raise
        self._values += checked(scalars, self._dtype)
        self._count += 1
        if self._count == 1:
            self._shape = shape
        elif len(scalars) != math.prod(self._shape):
            raise ServingError(
                f"Expecting tensor size: {math.prod(self._shape)} but got: "
                f"{len(scalars)}"
            )
        elif shape != self._shape:
            raise ServingError(
                f"Expecting shape {_shown_shape(self._shape)} but got: "
                f"{_shown_shape(shape)}"
            )

    def tensor(self) -> np.ndarray:
        """The one value that was added."""
        return array_of(self._values, self._dtype).reshape(self._shape)

    def batch(self) -> np.ndarray:
        """The values that were added, stacked: [count, ...]."""
        array = array_of(self._values, self._dtype)
        return array.reshape(self._count, *self._shape)

    def _collect(
        self, value: Any, level: int, shape: tuple[int, ...], scalars: list
    ) -> None:
        """Appends the scalars in `value`, depth first."""
        rank = len(shape)
        if not isinstance(value, list):
            if level != rank:
                raise ServingError(
                    f"JSON Value: {shown(value)} found at incorrect level: "
                    f"{level + 1} in the JSON DOM. Expected at level: {rank}"
                )
            scalars.append(value)
            return
        if level >= rank:
            raise ServingError(
                f"Encountered list at unexpected level: {level} expected < "
                f"{rank}"
            )
        if len(value) != shape[level]:
            raise ServingError(
                f"Encountered list at unexpected size: {len(value)} at level: "
                f"{level} expected size: {shape[level]}"
            )
        if level == rank - 1 and list not in map(type, value):
            scalars += value
            return
        self._deadline.check()
        for element in value:
            self._collect(element, level + 1, shape, scalars)


def _add_columns(value: Any, builders: dict[str, _TensorBuilder]) -> None:
    if _names_inputs(value):
        for name, builder in builders.items():
            if name not in value:
                raise ServingError(
                    f"Missing named input: {name} in 'inputs' object."
                )
            builder.add(value[name])
        return
    if len(builders) > 1:
        raise ServingError(
            "inputs is a plain value/list, but expecting an object as "
            "multiple input tensors required as per tensorinfo_map"
        )
    [builder] = builders.values()
    builder.add(value)


def _add_rows(rows: list, builders: dict[str, _TensorBuilder]) -> None:
    if _names_inputs(rows[0]):
        for i, row in enumerate(rows):
            _add_named(row, i, builders)
        return
    if len(builders) > 1:
        raise ServingError(
            "instances is a plain list, but expecting list of objects as "
            "multiple input tensors required as per tensorinfo_map"
        )
    [builder] = builders.values()
    for i, row in enumerate(rows):
        if _names_inputs(row):
            raise ServingError(
                f"Expecting value/list but got object at item {i} of input list"
            )
        try:
            builder.add(row)
        except ServingError as error:
            raise _in_row(error, f"{i} of") from None


def _add_named(row: Any, i: int, builders: dict[str, _TensorBuilder]) -> None:
    if not _names_inputs(row):
        raise ServingError(
            f"Expecting object but got list at item {i} of input list"
        )
    for name, value in row.items():
        short = shortened(name, 100)  # it is told twice
        try:
            if name not in builders:
                raise ServingError(
                    f"JSON object: does not have named input: {short}"
                )
            builders[name].add(value)
        except ServingError as error:
            raise _in_row(error, f"{i} key: {short} of") from None
    if row.keys() != builders.keys():
        raise ServingError(
            f"Failed to process element: {i} of 'instances' list. JSON "
            f"object: {shown(row)} keys must be equal to: {','.join(builders)}"
        )


def _in_row(error: ServingError, where: str) -> ServingError:
    if error.code == "DEADLINE_EXCEEDED":
        return error
    return ServingError(
        f"Failed to process element: {where} 'instances' list. Error: {error}"
    )


def _unfit(document: dict[str, Any], reason: str) -> ServingError:
    return ServingError(f"JSON Value: {shown(document)} {reason}")


def _names_inputs(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64_object(value)


def _shape_of(value: Any) -> tuple[int, ...]:
    """Shape by the first elements, as far down as there are lists."""
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) > MAX_RANK:
            raise ServingError(
                f"Lists are nested deeper than {MAX_RANK} dimensions"
            )
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _shown_shape(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _check_types(scalars: list, types: set[type], dtype: str) -> None:
    if not types.issuperset(map(type, scalars)):
        wrong = next(s for s in scalars if type(s) not in types)
        raise _type_error(wrong, dtype)


def _bytes_of(scalar: Any) -> bytes:
    if isinstance(scalar, str):
        return scalar.encode()
    if is_base64_object(scalar):
        return decode_base64(scalar)
    if isinstance(scalar, dict):
        raise ServingError(
            f"JSON Value: {shown(scalar)} not formatted correctly for base64 "
            "data"
        )
    raise _type_error(scalar, "string")


def _type_error(value: Any, dtype: str) -> ServingError:
    return ServingError(
        f"JSON Value: {shown(value)} Type: {type_name(value)} is not of "
        f"expected type: {dtype}"
    )
