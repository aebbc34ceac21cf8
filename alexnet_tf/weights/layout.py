"""Orders of axes: ours, [H, W, in, out], and that of Caffe, ONNX and PyTorch.

Theirs is [out, in, H, W] for convolutions and [out, in] for fully connected
layers, whose inputs count by map, row, column where ours count by row,
column, map. Grouped convolutions and our towers agree: the kernels of the
first tower come first, and a kernel sees its own tower's maps.
"""

import math
from collections.abc import Mapping

import numpy as np


def kernel_from_maps_first(kernel: np.ndarray) -> np.ndarray:
    """[out, in, H, W] to [H, W, in, out]."""
    return kernel.transpose(2, 3, 1, 0)


def kernel_to_maps_first(kernel: np.ndarray) -> np.ndarray:
    """[H, W, in, out] to [out, in, H, W]."""
    return kernel.transpose(3, 2, 0, 1)


def matrix_from_maps_first(matrix: np.ndarray, maps: int) -> np.ndarray:
    """[out, maps * side^2] to [side^2 * maps, out].

    Args:
        matrix: weights of a fully connected layer, inputs by map, row,
            column.
        maps: number of maps below; `matrix.shape[1]` where the layer below
            is a fully connected one.

    Raises:
        ValueError: the maps would not be square.
    """
    side = math.isqrt(matrix.shape[1] // maps)
    if maps * side**2 != matrix.shape[1]:
        raise ValueError(f"{matrix.shape[1]} inputs are not {maps} square maps")
    by_map = matrix.reshape(-1, maps, side, side)
    return by_map.transpose(2, 3, 1, 0).reshape(matrix.shape[::-1])


def matrix_to_maps_first(matrix: np.ndarray, maps: int) -> np.ndarray:
    """[side^2 * maps, out] to [out, maps * side^2]."""
    side = math.isqrt(matrix.shape[0] // maps)
    by_place = matrix.reshape(side, side, maps, -1)
    return by_place.transpose(3, 2, 0, 1).reshape(matrix.shape[::-1])


def layers_from_maps_first(
    weights: Mapping[str, tuple[np.ndarray, ...]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Our layers from kernels and biases in the other order.

    Args:
        weights: {"conv1": (kernel, bias), ...}, all eight layers, the
            convolutions [out, in, H, W], the others [out, in].

    Returns:
        {"conv1": (kernel, bias), ...} as `FileWeights.layers`.
    """
    layers, maps = {}, 0  # conv1 comes first
    for name, (kernel, bias) in weights.items():
        if name.startswith("conv"):
            maps = kernel.shape[0]
            kernel = kernel_from_maps_first(kernel)
        else:
            kernel = matrix_from_maps_first(kernel, maps)
            maps = len(kernel[0])
        layers[name] = (kernel, np.ravel(bias))
    return layers


def layers_to_maps_first(
    layers: Mapping[str, tuple[np.ndarray, ...]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The inverse of `layers_from_maps_first`."""
    weights, maps = {}, 0  # conv1 comes first
    for name, (kernel, bias) in layers.items():
        if name.startswith("conv"):
            maps = kernel.shape[-1]
            kernel = kernel_to_maps_first(kernel)
        else:
            kernel = matrix_to_maps_first(kernel, maps)
            maps = len(kernel)
        weights[name] = (kernel, bias)
    return weights
