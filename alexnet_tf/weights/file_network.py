"""The network of a weights file."""

import pathlib

import keras
import numpy as np
from ml_collections import ConfigDict

from alexnet_tf.errors import UserError
from alexnet_tf.network import build_network
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.in_network import assign, assign_mean, check_fit
from alexnet_tf.weights.mean_file import read_mean


def network_of(
    path: str | pathlib.Path,
    weights: FileWeights,
    config: ConfigDict,
    mean_file: str | None = None,
) -> keras.Model:
    """The config's network with a file's weights and mean.

    Args:
        path: of the file.
        weights: its `FileWeights`.
        config: of the network; the kind of its mean becomes that of the mean
            that is at hand.
        mean_file: Caffe's mean image, instead of the mean of the weights.

    Returns:
        The network; its mean is 0 where none is known.

    Raises:
        UserError: the weights are another network's.
    """
    mean = read_mean(mean_file) if mean_file else weights.mean
    if mean is not None:
        settle_mean_kind(config.model, mean)
    network = build_network(config.model, config.train.seed)
    try:
        check_fit(network, weights)
        assign(network, weights, config.model.channel_order)
        if mean is not None:
            assign_mean(network, mean)
    except ValueError as error:
        raise UserError(
            f"{path} is not for the network of the config: {error}"
        ) from None
    return network


def has_mean(network: keras.Model) -> bool:
    """Whether the mean of the training images is known."""
    return network.get_layer("mean").mean.numpy().any()


def settle_mean_kind(model: ConfigDict, mean: np.ndarray) -> None:
    """Makes the `model` section ask for the kind of mean that is at hand.

    Args:
        model: changed where it asks for another kind.
        mean: as in `FileWeights`.
    """
    if len(mean) > 1:
        model.mean = "image"
    elif model.mean != "rgb":
        model.mean = "given"
        # These are the digits that float32 means, not those of its neighbours
        # in float64.
        model.mean_values = tuple(float(str(v)) for v in mean.ravel())
