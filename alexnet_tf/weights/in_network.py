"""Weights into a network and out of it, the towers' joined."""

from collections.abc import Iterable, Mapping

import keras
import numpy as np

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.network import WEIGHTED_LAYERS, weighted_layers
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.steps import SCALE, Step, steps_of


def joined_weights(network: keras.Model) -> dict[str, tuple[np.ndarray, ...]]:
    """{"conv1": (kernel, bias), ...} of a network, see `FileWeights`."""
    return {
        layer.name: tuple(
            np.concatenate([v.numpy() for v in variables], axis=-1)
            for variables in (layer.kernels, layer.biases)
        )
        for layer in weighted_layers(network)
    }


def assign(
    network: keras.Model, weights: FileWeights, channel_order: str
) -> None:
    """Stores weights that `check_fit` has passed.

    Args:
        network: what they go into.
        weights: `FileWeights`.
        channel_order: "rgb" or "bgr": in which order conv1 of the network
            gets the colours.
    """
    layers = {name: weights.layers[name] for name in WEIGHTED_LAYERS}
    if weights.channel_order != channel_order:
        layers["conv1"] = with_colours_turned(*layers["conv1"])
    assign_layers(network, layers)


def with_colours_turned(
    kernel: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """conv1's kernel and bias for images with the other order of colours."""
    return kernel[:, :, ::-1], bias


def assign_layers(
    network: keras.Model, layers: Mapping[str, tuple[np.ndarray, ...]]
) -> None:
    """Stores weights of layers of the same shapes.

    Args:
        network: what they go into.
        layers: some of a network's `joined_weights`.
    """
    for name, arrays in layers.items():
        pairs = zip(arrays, _variables(network, name), strict=True)
        for array, variables in pairs:
            sizes = [variable.shape[-1] for variable in variables]
            parts = np.split(array, np.cumsum(sizes)[:-1], axis=-1)
            for variable, part in zip(variables, parts, strict=True):
                variable.assign(part)


def assign_mean(network: keras.Model, mean: np.ndarray) -> None:
    """Stores a mean, see `FileWeights`.

    Raises:
        ValueError: its side is neither that of a record nor the network's.
    """
    layer = network.get_layer("mean")
    if mean.shape == tuple(layer.mean.shape):
        layer.mean.assign(mean)
    elif mean.shape == (RECORD_SIZE, RECORD_SIZE, 3):
        layer.set_mean(mean)
    else:
        raise ValueError(f"the mean is {shape_in_words(mean.shape)}")


def check_fit(network: keras.Model, weights: FileWeights) -> None:
    """Refuses the weights of another network.

    Args:
        network: what they are meant for.
        weights: `FileWeights`.

    Raises:
        ValueError: naming the first thing that differs.
    """
    found = {layer.name for layer in weighted_layers(network)}
    if not found.issuperset(WEIGHTED_LAYERS):
        raise ValueError("model.without leaves layers out that the file has")
    if added := found.difference(WEIGHTED_LAYERS):
        raise ValueError(f"it has no {' and no '.join(sorted(added))}")
    if weights.steps is not None:
        _check_steps(weights.steps, steps_of(network))
    for name in WEIGHTED_LAYERS:
        if name not in weights.layers:
            found = ", ".join(weights.layers) or "no layer"
            raise ValueError(f"it has {found}, but no {name}")
        for what, array, variables in zip(
            ("kernel", "bias"),
            weights.layers[name],
            _variables(network, name),
            strict=True,
        ):
            *common, _ = variables[0].shape
            shape = (*common, sum(v.shape[-1] for v in variables))
            if array.shape != shape:
                raise ValueError(
                    f"the {what} of {name} is {shape_in_words(array.shape)} in "
                    f"the file and {shape_in_words(shape)} in the network"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"the {what} of {name} is not finite")


def _check_steps(found: Iterable[Step], expected: Iterable[Step]) -> None:
    theirs, ours = _by_weighted_layer(found), _by_weighted_layer(expected)
    if len(theirs) != len(ours):
        raise ValueError(
            f"it has {len(theirs) - 1} layers with weights, AlexNet has "
            f"{len(ours) - 1}"
        )
    names = ("the image", *WEIGHTED_LAYERS)
    for name, there, here in zip(names, theirs, ours, strict=True):
        if _fit(there, here):
            continue
        hint = ""
        if _fit(
            *([s for s in part if s.kind != SCALE] for part in (there, here))
        ):
            hint = ": change model.dropout or model.dropout_kind"
        raise ValueError(
            f"{name} is {_listed(there)} in the file and {_listed(here)} "
            f"in the network{hint}"
        )


def _fit(there: list[Step], here: list[Step]) -> bool:
    return len(there) == len(here) and all(map(Step.fits, there, here))


def _by_weighted_layer(steps: Iterable[Step]) -> list[list[Step]]:
    """The steps before the first layer with weights, then those of each."""
    parts = [[]]
    for step in steps:
        if step.kind in ("conv", "fc"):
            parts.append([])
        parts[-1].append(step)
    return parts


def _listed(steps: list[Step]) -> str:
    return ", then ".join(map(str, steps)) or "used as it is"


def _variables(
    network: keras.Model, name: str
) -> tuple[list[keras.Variable], list[keras.Variable]]:
    layer = network.get_layer(name)
    return layer.kernels, layer.biases


def shape_in_words(shape: Iterable[int]) -> str:
    """A shape such as "9216x4096"."""
    return "x".join(map(str, shape))
