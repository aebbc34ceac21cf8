"""bvlc_alexnet.npy: Caffe's network as a pickled dict, for TensorFlow 1.

    {"conv1": [kernel, bias], ..., "fc8": [kernel, bias]}

Kernels are [H, W, in, out] and [in, out] already, the rows of fc6 by row,
column, map; conv1 expects BGR, as in Caffe. Other converters of the time wrote
{"conv1": {"weights": kernel, "biases": bias}, ...}; both are read.
"""

import pathlib
from typing import Any

import numpy as np

from alexnet_tf.network import WEIGHTED_LAYERS
from alexnet_tf.weights.array_pickle import load_arrays
from alexnet_tf.weights.file_weights import FileWeights


def read_npy(path: str | pathlib.Path) -> FileWeights:
    """The `FileWeights` of a .npy file with a pickled dict.

    Raises:
        ValueError: it holds anything else.
    """
    with open(path, "rb") as file:
        version = np.lib.format.read_magic(file)
        if version[0] == 1:
            header = np.lib.format.read_array_header_1_0(file)
        else:
            header = np.lib.format.read_array_header_2_0(file)
        shape, _, dtype = header
        if not dtype.hasobject or shape != ():
            raise ValueError(f"an array of {dtype}, not a dict of layers")
        layers = load_arrays(file).item()
    if not isinstance(layers, dict):
        raise ValueError(f"a {type(layers).__name__}, not a dict of layers")
    found = {str(name): _pair(name, value) for name, value in layers.items()}
    # Python 2 wrote dicts in any order.
    ordered = sorted(found, key=lambda n: (n not in WEIGHTED_LAYERS, n))
    return FileWeights(
        layers={n: found[n] for n in ordered}, channel_order="bgr"
    )


def _pair(name: object, value: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(value, dict):
        value = [value.get("weights"), value.get("biases")]
    is_pair = isinstance(value, list | tuple) and len(value) == 2
    arrays = [x for x in value if isinstance(x, np.ndarray)] if is_pair else []
    if len(arrays) != 2:
        raise ValueError(f"{name} is not a pair of kernel and bias")
    kernel, bias = (x.astype(np.float32, copy=False) for x in arrays)
    return kernel, np.ravel(bias)
