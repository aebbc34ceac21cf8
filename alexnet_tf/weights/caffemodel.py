"""Caffe's .caffemodel: bvlc_alexnet and networks trained from it.

Both kinds of layer that Caffe wrote are read, `layers` (V1, 2014) and
`layer`. Its alpha of LRN is divided by n, its colours are BGR.
"""

import pathlib
from typing import Any

import numpy as np

from alexnet_tf.network import WEIGHTED_LAYERS
from alexnet_tf.weights.caffe_messages import blob_array, parse
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.layout import layers_from_maps_first
from alexnet_tf.weights.steps import Normalization, Step

V1_TYPES = {
    4: "Convolution",
    14: "InnerProduct",
    15: "LRN",
    17: "Pooling",
    18: "ReLU",
    19: "Sigmoid",
    23: "TanH",
}
ACTIVATIONS = {"ReLU": "relu", "Sigmoid": "sigmoid", "TanH": "tanh"}
MAX, ACROSS_MAPS = 0, 0  # of PoolMethod and NormRegion


def read_caffemodel(path: str | pathlib.Path) -> FileWeights:
    """The `FileWeights` of a .caffemodel file.

    Raises:
        ValueError: it cannot be read, or is not a chain of AlexNet's kinds of
            layers.
    """
    net = parse("NetParameter", path)
    layers = net.layer or net.layers
    if any(layer.layer for layer in net.layers):
        raise ValueError(
            "its layers are of Caffe's first format: bring it up to date with "
            "Caffe's upgrade_net_proto_binary"
        )
    steps, weights = [], []
    for layer in layers:
        kind = layer.type
        if isinstance(kind, int):
            kind = V1_TYPES.get(kind, f"type {kind}")
        if kind in ("Convolution", "InnerProduct"):
            weights.append(_kernel_and_bias(kind, layer))
        elif layer.blobs:
            raise ValueError(f"layer {layer.name}, a {kind}, has weights")
        step = _step(kind, layer)
        if step is not None:
            steps.append(step)
    if len(weights) != len(WEIGHTED_LAYERS):
        raise ValueError(
            f"{len(weights)} layers with weights, where AlexNet has "
            f"{len(WEIGHTED_LAYERS)}"
        )
    named = dict(zip(WEIGHTED_LAYERS, weights, strict=True))
    return FileWeights(
        layers=layers_from_maps_first(named),
        channel_order="bgr",
        steps=tuple(steps),
    )


def _kernel_and_bias(kind: str, layer: Any) -> tuple[np.ndarray, np.ndarray]:
    if len(layer.blobs) != 2:
        raise ValueError(
            f"layer {layer.name} has {len(layer.blobs)} blobs instead of "
            "weights and biases"
        )
    kernel, bias = map(blob_array, layer.blobs)
    if kind == "InnerProduct":
        kernel = kernel.reshape(kernel.shape[-2:])  # of V1: 1x1xOUTxIN
    elif kernel.ndim != 4:
        raise ValueError(f"layer {layer.name} is no convolution of images")
    return kernel, np.ravel(bias)


def _step(kind: str, layer: Any) -> Step | None:
    """The `Step` of a layer; None of one that does nothing when it tests."""
    match kind:
        case "Convolution":
            return Step("conv", _conv_values(layer))
        case "InnerProduct":
            return Step("fc")
        case "Pooling":
            pooling = layer.pooling_param
            if pooling.pool != MAX or pooling.pad:
                raise ValueError(
                    f"layer {layer.name} pools in another way than AlexNet"
                )
            return Step("pool", (pooling.kernel_size, pooling.stride))
        case "LRN":
            lrn = layer.lrn_param
            if lrn.norm_region != ACROSS_MAPS:
                raise ValueError(
                    f"layer {layer.name} normalizes within a map, not across "
                    "maps"
                )
            n = lrn.local_size
            constants = (n, lrn.k, lrn.alpha / n, lrn.beta)
            return Step("lrn", Normalization(*constants))
    return Step(ACTIVATIONS[kind]) if kind in ACTIVATIONS else None


def _conv_values(layer: Any) -> tuple[int, int, int, int]:
    conv = layer.convolution_param
    if any(d != 1 for d in conv.dilation):
        raise ValueError(f"layer {layer.name} is dilated")
    *_, size = blob_array(layer.blobs[0]).shape
    paddings = {*conv.pad} or {conv.pad_h, conv.pad_w}
    strides = {*conv.stride} or {conv.stride_h or 1, conv.stride_w or 1}
    if len(paddings) > 1 or len(strides) > 1:
        raise ValueError(f"layer {layer.name} is not the same both ways")
    [padding], [stride] = paddings, strides
    return size, stride, padding, conv.group
