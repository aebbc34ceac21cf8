"""Checkpoints of cuda-convnet, the program of the 2012 code.

A pickle of Python 2: {"model_state": {"layers": {name: layer, ...}}, "op":
...}. A layer is a dict with "type", "inputs" (names) and, of conv and fc
layers, "weights" (one matrix an input) and "biases". A row of a conv matrix
is an input (map, row, column) of the kernels, which are its columns; that of
an fc matrix an input (map, row, column), its columns neurons. Two GPUs' layers
are layers of their own: conv1a and conv1b. Read from the source code; no
checkpoint was at hand to try it on.
"""

import pathlib
import re

import numpy as np

from alexnet_tf.network import WEIGHTED_LAYERS
from alexnet_tf.weights.array_pickle import load_arrays
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.layout import matrix_from_maps_first
from alexnet_tf.weights.steps import SCALE, Normalization, Step

WEIGHTED = ("conv", "fc")
NORMS = {"cmrnorm": "lrn", "rnorm": "same_map_norm"}
# With None nothing happens outside training.
NEURONS = {
    "relu": "relu",
    "logistic": "sigmoid",
    "dropout": None,
    "ident": None,
}


def is_checkpoint(path: str | pathlib.Path) -> bool:
    """Whether the name is one of cuda-convnet's: EPOCH.BATCH."""
    return bool(re.fullmatch(r"\d+\.\d+", pathlib.Path(path).name))


def read_cuda_convnet(path: str | pathlib.Path) -> FileWeights:
    """The `FileWeights` of a checkpoint file.

    Raises:
        ValueError: it is none, or not one of AlexNet.
    """
    with open(path, "rb") as file:
        checkpoint = load_arrays(file, strangers=True)
    try:
        return _weights_of(checkpoint["model_state"]["layers"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no checkpoint of cuda-convnet: {error!r}") from None


def _weights_of(layers: dict[str, dict]) -> FileWeights:
    depths = {}
    for name in layers:
        _depth(layers, name, depths)
    groups = _groups(layers, depths)
    if len(groups) != len(WEIGHTED_LAYERS):
        raise ValueError(
            f"{len(groups)} layers with weights, where AlexNet has "
            f"{len(WEIGHTED_LAYERS)}"
        )
    towers = {name: t for group in groups for t, name in enumerate(group)}
    joined, maps = {}, None
    for name, group in zip(WEIGHTED_LAYERS, groups, strict=True):
        parts = [layers[one] for one in group]
        kernels = [_kernel(layers, part, towers, maps) for part in parts]
        biases = [np.ravel(part["biases"]) for part in parts]
        joined[name] = tuple(
            np.concatenate(arrays, axis=-1).astype(np.float32)
            for arrays in (kernels, biases)
        )
        maps = joined[name][0].shape[-1]
    return FileWeights(
        layers=joined, channel_order="rgb", steps=_steps(layers, depths)
    )


def _depth(layers: dict[str, dict], name: str, depths: dict[str, int]) -> int:
    """Length of the longest way from an input of the network to a layer."""
    if name not in depths:
        inputs = layers[name].get("inputs", [])
        depths[name] = 1 + max(
            (_depth(layers, below, depths) for below in inputs), default=0
        )
    return depths[name]


def _groups(layers: dict[str, dict], depths: dict[str, int]) -> list[list[str]]:
    """Names of the layers with weights, those of equal depth together."""
    by_depth = {}
    for name in sorted(layers):
        if layers[name]["type"] in WEIGHTED:
            by_depth.setdefault(depths[name], []).append(name)
    return [by_depth[depth] for depth in sorted(by_depth)]


def _kernel(
    layers: dict[str, dict],
    layer: dict,
    towers: dict[str, int],
    maps: int | None,
) -> np.ndarray:
    """One tower's kernel in our order of axes.

    The inputs are put in the order of the towers: fc2048bb of the 2012 code
    names its own tower first, the second one.
    """
    below = [_tower_below(layers, name, towers) for name in layer["inputs"]]
    order = np.argsort(below, kind="stable")
    matrices = [layer["weights"][i] for i in order]
    if layer["type"] == "fc":
        if maps is None:
            raise TypeError("its first layer is fully connected")
        matrix = np.concatenate(matrices)
        return matrix_from_maps_first(matrix.T, maps)
    size = layer["filterSize"][0]
    kernels = [m.reshape(-1, size, size, m.shape[-1]) for m in matrices]
    return np.concatenate(kernels).transpose(1, 2, 0, 3)


def _tower_below(
    layers: dict[str, dict], name: str, towers: dict[str, int]
) -> int:
    """The tower of the first layer with weights on the way down."""
    while name not in towers:
        inputs = layers[name].get("inputs", [])
        if not inputs:
            return 0
        name = inputs[0]
    return towers[name]


def _steps(layers: dict[str, dict], depths: dict[str, int]) -> tuple[Step, ...]:
    """The `Step`s of the first tower."""
    first = {}
    for name in sorted(layers):
        first.setdefault(depths[name], name)
    found = (
        _step(first[depth], layers[first[depth]]) for depth in sorted(first)
    )
    return tuple(step for step in found if step is not None)


def _step(name: str, layer: dict) -> Step | None:
    """The `Step` of a layer; None of one that does nothing when it tests."""
    match layer["type"]:
        case "conv" | "fc" as kind:
            return Step(kind, None)
        case "pool":
            return Step("pool", (layer["sizeX"], layer["stride"]))
        case "cmrnorm" | "rnorm" as kind:
            # Its "scale" is divided by the number of units already.
            constants = (
                layer["size"],
                layer.get("minDiv", 1.0),
                layer["scale"],
                layer["pow"],
            )
            return Step(NORMS[kind], Normalization(*constants))
        case "hs" | "dropout2":  # the later name of the same
            return Step(SCALE, (layer["keep"],))
        case "neuron":
            neuron = layer["neuron"]["type"]
            if neuron not in NEURONS:
                raise ValueError(f"{name} is a {neuron}, none of AlexNet's")
            return Step(NEURONS[neuron]) if NEURONS[neuron] else None
    return None
