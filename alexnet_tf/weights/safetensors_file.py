"""safetensors files with the state dict's names."""

from alexnet_tf.errors import UserError
from alexnet_tf.weights.state_dict import from_state_dict


def read_safetensors(path):
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


def import_safetensors():
    """The package, which only this format needs.

    Raises:
        UserError: it is not installed.
    """
    try:
        import safetensors
    except ModuleNotFoundError as error:
        if error.name != "safetensors":
            raise
        raise UserError(
            "safetensors files need safetensors: pip install --group weights"
        ) from None
    return safetensors
