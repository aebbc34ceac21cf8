"""safetensors files with the state dict's names."""

import pathlib
import types

from alexnet_tf.optional import import_or_explain
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.state_dict import from_state_dict


def read_safetensors(path: str | pathlib.Path) -> FileWeights:
    """The `FileWeights` of a .safetensors file.

    Raises:
        UserError: safetensors is not installed.
        ValueError: the file is damaged or another network's.
    """
    safetensors = import_safetensors()
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = file.keys()  # the file itself is no container
            arrays = {name: file.get_tensor(name) for name in names}
            described = file.metadata() or {}
    except safetensors.SafetensorError as error:
        raise ValueError(f"no safetensors file: {error}") from None
    return from_state_dict(arrays, described)


def import_safetensors() -> types.ModuleType:
    """The package, which only this format needs.

    Raises:
        UserError: it is not installed.
    """
    return import_or_explain(
        "safetensors", "a safetensors file", "--group weights"
    )
