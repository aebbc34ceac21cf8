"""The answers of the methods, as JSON text."""

import base64
from typing import Any

import numpy as np

from export.server.json.document import written
from export.server.serving_error import ServingError

_WRITTEN = {"bool", "int8", "uint8", "int16", "int32", "int64", "uint32"} | {
    "uint64",
    "float",
    "double",
    "string",
}


def rows_json(tensors: dict[str, np.ndarray], dtypes: dict[str, str]) -> str:
    """{"predictions": ...}: one value, or one object, per row.

    Args:
        tensors: {name: array}; strings are objects of type bytes.
        dtypes: {name: type, as the C++ code spells it}.

    Raises:
        ServingError: an output has no batch dimension, another batch size
            than one before or a type that JSON cannot carry.
    """
    batch_size = None
    for name, tensor in tensors.items():
        if not tensor.ndim:
            raise ServingError(f"Tensor name: {name} has no shape information ")
        if batch_size not in (None, len(tensor)):
            raise ServingError(
                f"Tensor name: {name} has inconsistent batch size: "
                f"{len(tensor)} expecting: {batch_size}"
            )
        batch_size = len(tensor)
    columns = _columns(tensors, dtypes)
    if len(columns) == 1:
        [rows] = columns.values()
    else:
        rows = [
            dict(zip(columns, row, strict=True))
            for row in zip(*columns.values(), strict=True)
        ]
    return written({"predictions": rows})


def columns_json(tensors: dict[str, np.ndarray], dtypes: dict[str, str]) -> str:
    """{"outputs": ...}: one tensor, or an object of tensors.

    Args and errors are those of `rows_json`, but any shape will do.
    """
    columns = _columns(tensors, dtypes)
    one = len(columns) == 1
    return written(
        {"outputs": next(iter(columns.values())) if one else columns}
    )


def float_list(tensor: np.ndarray) -> Any:
    """Floating point numbers as nested lists.

    Of a float32 the shortest number that is read back as the same float32:
    0.1, not 0.10000000149011612.
    """
    if tensor.dtype != np.float32:
        return tensor.tolist()
    spelled = tensor.ravel().astype(str).astype(np.float64)
    return spelled.reshape(tensor.shape).tolist()


def text_of(string: bytes) -> str:
    """Bytes as text; those that are no UTF-8 become U+FFFD."""
    return string.decode("utf-8", "replace")


def _columns(
    tensors: dict[str, np.ndarray], dtypes: dict[str, str]
) -> dict[str, Any]:
    return {
        name: _nested_list(name, tensor, dtypes[name])
        for name, tensor in tensors.items()
    }


def _nested_list(name: str, tensor: np.ndarray, dtype: str) -> Any:
    if dtype not in _WRITTEN:
        raise ServingError(
            f"Failed to write JSON value for tensor type: {dtype}"
        )
    if dtype == "string":
        spell = _base64_object if name.endswith("_bytes") else text_of
        return np.vectorize(spell, otypes=[object])(tensor).tolist()
    return float_list(tensor) if dtype == "float" else tensor.tolist()


def _base64_object(string: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(string).decode()}
