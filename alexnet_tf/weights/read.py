"""A weights file of whatever format."""

import pathlib

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.weights.caffemodel import read_caffemodel
from alexnet_tf.weights.cuda_convnet import is_checkpoint, read_cuda_convnet
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.npy import read_npy
from alexnet_tf.weights.onnx_file import read_onnx
from alexnet_tf.weights.pytorch_file import read_pytorch
from alexnet_tf.weights.safetensors_file import read_safetensors

READERS = {
    ".npy": read_npy,
    ".caffemodel": read_caffemodel,
    ".onnx": read_onnx,
    ".safetensors": read_safetensors,
    ".pt": read_pytorch,
    ".pth": read_pytorch,
    ".pth.tar": read_pytorch,  # so called by PyTorch's examples; no tar file
}
PICKLES = (read_npy, read_cuda_convnet)


def read_weights(
    path: str | pathlib.Path,
    trust_pickle: bool = False,
    flag: str = "--weights",
) -> FileWeights:
    """The `FileWeights` of a file, by its name.

    Args:
        path: of the file.
        trust_pickle: whether files that are pickles may be opened.
        flag: that names the file, for what is said about it.

    Raises:
        UserError: there is no such file or format, the file is damaged or of
            another network, or it is a pickle and not trusted.
    """
    if is_checkpoint(path):
        reader = read_cuda_convnet
    else:
        name = pathlib.Path(path).name
        reader = next((r for s, r in READERS.items() if name.endswith(s)), None)
    if reader is None:
        raise UserError(
            f"{flag}={path}: no format is known by that name; there are "
            f"{', '.join(READERS)}, and cuda-convnet's EPOCH.BATCH"
        )
    if reader in PICKLES and not trust_pickle:
        raise UserError(
            f"{flag}={path} is a Python pickle, a format that can carry "
            "programs: add --trust_pickle if you know where it comes from "
            "(only arrays are taken from it)"
        )
    with readable(path):
        return reader(path)
