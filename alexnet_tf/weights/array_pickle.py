"""Pickles that may hold arrays and plain Python values, nothing else.

A pickle is a program: unpickling a file runs what it names. This reader knows
no name but those that numpy's arrays are built with, so a file that names
anything else is refused or, where a format drags in objects that nobody
needs, gets an empty object in its place. No code is imported for a file.
"""

import collections
import pickle
from typing import Any, BinaryIO, NoReturn

import numpy as np

RECONSTRUCT = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}
SCALAR = {
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
}
ORDERED_DICT = {
    ("collections", "OrderedDict"),
    ("ordereddict", "OrderedDict"),  # Python 2.6, which the 2012 code ran on
}


def load_arrays(file: BinaryIO, strangers: bool = False) -> Any:
    """Unpickles arrays, numbers, texts, lists and dicts.

    Args:
        file: binary file, at the beginning of the pickle. Text that Python 2
            wrote is taken for Latin-1, as numpy needs it.
        strangers: whether objects of other classes become empty `Stranger`s
            instead of an error.

    Raises:
        ValueError: the file is no pickle, is cut short, or names a class that
            is not allowed.
    """
    try:
        return _ArrayUnpickler(file, strangers).load()
    except (
        pickle.UnpicklingError,
        ValueError,
        EOFError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
        MemoryError,
        OverflowError,
    ) as error:
        raise ValueError(
            f"no pickle of arrays: {error or 'cut short'}"
        ) from None


class Stranger:
    """Stands for an object of a class that is not allowed; holds nothing."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _ArrayUnpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, strangers: bool) -> None:
        super().__init__(file, encoding="latin1")
        self._strangers = strangers

    def find_class(self, module: str, name: str) -> Any:
        key = (module, name)
        if key in RECONSTRUCT:
            return _empty_array
        if key in SCALAR:
            return _scalar
        if key in ORDERED_DICT:
            return collections.OrderedDict
        if key == ("numpy", "ndarray"):
            return np.ndarray
        if key == ("numpy", "dtype"):
            return np.dtype
        if key == ("_codecs", "encode"):
            return _encode
        if self._strangers:
            return Stranger
        raise pickle.UnpicklingError(
            f"it asks for {module}.{name}, which is neither an array nor a "
            "plain value"
        )

    def persistent_load(self, pid: object) -> NoReturn:
        raise pickle.UnpicklingError("it refers to another file")


def _empty_array(*arguments: object) -> np.ndarray:
    """What every pickled array begins as; its state brings the shape.

    The arguments could ask for an array of any size.
    """
    return np.ndarray((0,), np.int8)


def _scalar(dtype: np.dtype, value: bytes | str) -> np.generic:
    raw = value.encode("latin1") if isinstance(value, str) else value
    return np.frombuffer(raw, dtype)[0]


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in the protocols of Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in {encoding}")
    return text.encode("latin1")
