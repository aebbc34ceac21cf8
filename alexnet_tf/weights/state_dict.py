"""Names and shapes of a PyTorch state dict, in .pt and .safetensors files.

    conv1.weight ... conv5.weight   [out, in, H, W], grouped by tower
    fc6.weight ... fc8.weight       [out, in], inputs by map, row, column
    conv1.bias ... fc8.bias         [out]
    mean                            [3, side, side], RGB; side 1 or the crop's

They are those of `export/alexnet_pytorch.py`.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from alexnet_tf.network import WEIGHTED_LAYERS
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.layout import (
    layers_from_maps_first,
    layers_to_maps_first,
)

MEAN = "mean"
CONFIG, DATASET = "config", "dataset"  # keys beside the state dict


def to_state_dict(
    layers: Mapping[str, tuple[np.ndarray, ...]], mean: np.ndarray
) -> dict[str, np.ndarray]:
    """Arrays by their names in the state dict.

    Args:
        layers, mean: as in `FileWeights`.
    """
    arrays = {}
    for name, (kernel, bias) in layers_to_maps_first(layers).items():
        arrays[f"{name}.weight"] = np.ascontiguousarray(kernel)
        arrays[f"{name}.bias"] = bias
    arrays[MEAN] = np.ascontiguousarray(mean.transpose(2, 0, 1))
    return arrays


def from_state_dict(
    arrays: dict[str, np.ndarray], described: Mapping[str, Any]
) -> FileWeights:
    """The `FileWeights` of a state dict.

    Args:
        arrays: numpy arrays by their names.
        described: a dict with the texts `CONFIG` and `DATASET`, both JSON,
            or without.

    Raises:
        ValueError: another network's state dict.
    """
    expected = [
        f"{layer}.{what}"
        for layer in WEIGHTED_LAYERS
        for what in ("weight", "bias")
    ]
    missing = [name for name in expected if name not in arrays]
    strange = sorted(arrays.keys() - {*expected, MEAN})
    if missing or strange:
        raise ValueError(
            f"a state dict with {', '.join(strange[:3]) or 'nothing strange'} "
            f"and without {', '.join(missing[:3]) or 'nothing missing'}: its "
            "names must be conv1.weight, conv1.bias, ..., fc8.bias, mean"
        )
    weights = {
        layer: tuple(
            arrays[f"{layer}.{what}"].astype(np.float32, copy=False)
            for what in ("weight", "bias")
        )
        for layer in WEIGHTED_LAYERS
    }
    for layer, (kernel, _) in weights.items():
        if kernel.ndim != (4 if layer.startswith("conv") else 2):
            raise ValueError(f"{layer}.weight has {kernel.ndim} axes")
    mean = arrays.get(MEAN)
    dataset = described.get(DATASET)
    return FileWeights(
        layers=layers_from_maps_first(weights),
        channel_order="rgb",
        mean=None if mean is None else mean.transpose(1, 2, 0),
        config=described.get(CONFIG),
        dataset=None if dataset is None else json.loads(dataset),
    )
