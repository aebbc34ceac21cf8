"""What the convolutions make of an image."""

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.analysis.mosaic import mosaic
from alexnet_tf.training.diagnosis import layer_outputs

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")
SHOWN = 32  # maps of a tower, the most active ones
SIDE = 54  # pixels that a map is enlarged to, about


def most_active(maps: np.ndarray) -> np.ndarray:
    """Numbers of the maps that are shown, the one with the largest sum first.

    Args:
        maps: float [H, W, N] of a tower.

    Returns:
        int64 [at most SHOWN].
    """
    # The sort is stable: of equal maps the first come first, as do those that
    # are dark everywhere.
    return np.argsort(-maps.sum(axis=(0, 1)), kind="stable")[:SHOWN]


def feature_maps(
    network: keras.Model, image: np.ndarray
) -> dict[str, list[np.ndarray]]:
    """The activations of conv1 to conv5, as far as the network has them.

    Args:
        network: from uint8 crops to logits.
        image: uint8 [crop, crop, 3].

    Returns:
        {layer: [float32 [H, W, N] of each tower]}.
    """
    outputs = layer_outputs(network, tf.constant(image[None]))
    return {
        layer: np.split(
            outputs[layer][0], network.get_layer(layer).towers, axis=-1
        )
        for layer in LAYERS
        if layer in outputs
    }


def map_sheets(towers: list[np.ndarray], columns: int) -> list[np.ndarray]:
    """The most active maps of each tower of a layer as greys.

    White is the layer's largest activation, of both towers and all maps;
    black is 0, or the smallest where an activation function goes below it.
    The grey is the square root of what lies between, since few activations
    come near the largest.

    Args:
        towers: float [H, W, N] of each tower.
        columns: maps in a row.

    Returns:
        A uint8 RGBA picture per tower, see `mosaic`.
    """
    lowest = min(0.0, *(float(maps.min()) for maps in towers))
    highest = max(float(maps.max()) for maps in towers)
    span = max(highest - lowest, np.finfo(np.float32).tiny)
    sheets = []
    for maps in towers:
        shown = maps[..., most_active(maps)]
        greys = np.round(255 * np.sqrt((shown - lowest) / span))
        tiles = np.moveaxis(greys.astype(np.uint8), -1, 0)[..., None]
        enlarge = max(1, round(SIDE / maps.shape[0]))
        sheets.append(mosaic(tiles.repeat(3, axis=-1), columns, enlarge, gap=2))
    return sheets
