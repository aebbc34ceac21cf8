"""Tensors from the nested lists of a predict request."""

import math

from export.server.errors import ServingError
from export.server.json_scalars import array_of, checked
from export.server.json_text import shown

MAX_RANK = 32  # of numpy 1


class TensorBuilder:
    """Collects JSON values of one shape and makes them a tensor.

    Args:
        dtype: name of the type, as `checked` takes it.
    """

    def __init__(self, dtype):
        self._dtype = dtype
        self._shape: tuple[int, ...] | None = None
        self._values = []
        self._count = 0

    def add(self, value):
        """Adds a value: a scalar or nested lists of equal lengths.

        Raises:
            ServingError: it has another shape than the values before, is no
                array, or holds what is not of the type.
        """
        shape = _shape_of(value)
        scalars = []
        try:
            _collect(value, 0, shape, scalars)
        except ServingError:
            checked(scalars, self._dtype)  # a fault before is told instead
            raise
        self._values += checked(scalars, self._dtype)
        self._count += 1
        if self._shape is None:
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

    def tensor(self):
        """The one value that was added."""
        return array_of(self._values, self._dtype).reshape(self._shape)

    def batch(self):
        """The values that were added, stacked: [count, ...]."""
        return array_of(self._values, self._dtype).reshape(
            self._count, *(self._shape or ())
        )


def _shape_of(value):
    """Shape by the first elements, as far down as there are lists."""
    shape = []
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


def _collect(value, level, shape, scalars):
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
            f"Encountered list at unexpected level: {level} expected < {rank}"
        )
    if len(value) != shape[level]:
        raise ServingError(
            f"Encountered list at unexpected size: {len(value)} at level: "
            f"{level} expected size: {shape[level]}"
        )
    if level == rank - 1 and list not in map(type, value):
        scalars += value
        return
    for element in value:
        _collect(element, level + 1, shape, scalars)


def _shown_shape(shape):
    return f"[{','.join(map(str, shape))}]"
