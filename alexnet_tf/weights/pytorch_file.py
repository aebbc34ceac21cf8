"""PyTorch files with a state dict."""

import pathlib
import pickle
import types

from alexnet_tf.optional import import_or_explain
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.state_dict import from_state_dict

STATE_DICT = "state_dict"  # key of a .pt file that says more than weights


def read_pytorch(path: str | pathlib.Path) -> FileWeights:
    """The `FileWeights` of a .pt file.

    Read with `weights_only`: PyTorch then makes tensors and plain values of
    the pickle in it and nothing else.

    Raises:
        UserError: PyTorch is not installed.
        ValueError: the file is damaged or another network's.
    """
    torch = import_torch()
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"no state dict of PyTorch: {reason}") from None
    described = loaded if isinstance(loaded, dict) else {}
    tensors = described.get(STATE_DICT, described)
    arrays = {  # DataParallel puts "module." before each name
        str(name).removeprefix("module."): tensor.numpy()
        for name, tensor in tensors.items()
        if isinstance(tensor, torch.Tensor)
    }
    return from_state_dict(arrays, described)


def import_torch() -> types.ModuleType:
    """PyTorch, which only this format needs.

    Raises:
        UserError: it is not installed.
    """
    return import_or_explain("torch", "a PyTorch file, unlike safetensors,")
