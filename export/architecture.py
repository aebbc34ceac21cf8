"""What a network consists of, for a page that draws it and computes with it."""

from typing import Any

import keras

from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.layers.input import ImageLayer, InputForm
from alexnet_tf.layers.normalization import TowerLRN, TowerSameMapNorm
from alexnet_tf.layers.pooling import TowerActivation, TowerMaxPool2D
from alexnet_tf.layers.tower_weights import WeightedTowerLayer
from alexnet_tf.layers.towers import TowerLayer

INPUT = "input"  # what conv1 reads: the central crop minus the mean


def shown_layers(network: keras.Model) -> list[TowerLayer]:
    """The layers of both towers, conv1 first; dropout is not one of them.

    At test time it passes its input on, or halves it (the paper's).
    """
    return [layer for layer in network.layers if _is_shown(layer)]


def _is_shown(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, TowerLayer) and not isinstance(
        layer, TowerDropout | ImageLayer
    )


def architecture(network: keras.Model) -> dict[str, Any]:
    """The network as JSON values.

    Args:
        network: from uint8 crops to logits, as `build_network` makes it.

    Returns:
        {"crop": side in pixels, "channels": "rgb" or "bgr", the order in which
        conv1 reads them, "layers": a dict for each of `shown_layers`}. Each of
        these has "name", "kind", "reads" (the name of the layer below, or
        INPUT), "size" ([height, width], or [] of a fully connected layer),
        "maps" ([of each tower]; neurons of a fully connected layer) and the
        constants of its formula.
    """
    order = "rgb"
    for layer in network.layers:
        if isinstance(layer, InputForm):
            order = layer.channel_order
    return {
        "crop": network.input.shape[1],
        "channels": order,
        "layers": [_layer(layer) for layer in shown_layers(network)],
    }


def _layer(layer: TowerLayer) -> dict[str, Any]:
    shapes = [output.shape for output in layer.tower_outputs]
    return {
        "name": layer.name,
        "reads": _read_by(layer),
        "size": list(shapes[0][1:-1]),
        "maps": [shape[-1] for shape in shapes],
        **_formula(layer),
    }


def _read_by(layer: TowerLayer) -> str:
    """The shown layer below, across dropout."""
    below = layer.input[0] if isinstance(layer.input, list) else layer.input
    source = below._keras_history.operation
    if isinstance(source, TowerDropout):
        return _read_by(source)
    return source.name if _is_shown(source) else INPUT


def _formula(layer: TowerLayer) -> dict[str, Any]:
    if isinstance(layer, WeightedTowerLayer):
        weighted = {
            "exchange": layer.exchange,
            "activation": keras.activations.serialize(layer.activation),
        }
        if isinstance(layer, TowerDense):
            return {"kind": "dense", **weighted}
        assert isinstance(layer, TowerConv2D)
        same = layer.padding == "same"
        side = layer.input_sides[0]
        before = layer.kernel_size // 2 if same else layer.zeros_around(side)[0]
        return {
            "kind": "convolution",
            "kernel": layer.kernel_size,
            "stride": layer.strides,
            "padding": before,
            **weighted,
        }
    if isinstance(layer, TowerMaxPool2D):
        return {"kind": "pool", "kernel": layer.size, "stride": layer.stride}
    if isinstance(layer, TowerLRN):
        constants = ("n", "k", "alpha", "beta", "scope")
        return {"kind": "lrn"} | {c: getattr(layer, c) for c in constants}
    if isinstance(layer, TowerSameMapNorm):
        constants = ("size", "k", "alpha", "beta")
        values = {c: getattr(layer, c) for c in constants}
        values["window"] = values.pop("size")
        return {"kind": "same_map_norm", **values}
    assert isinstance(layer, TowerActivation)
    name = keras.activations.serialize(layer.activation)
    return {"kind": "activation", "activation": name}
