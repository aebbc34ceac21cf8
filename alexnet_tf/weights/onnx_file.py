"""ONNX files of AlexNet, such as bvlcalexnet of the ONNX model zoo.

A chain of Conv, Relu, LRN, MaxPool and Gemm nodes. ONNX' alpha of LRN is
divided by its size. The colours are taken for BGR: the model zoo's file comes
from Caffe. It reads 224x224 pixels where Caffe's network read 227x227, and
pads its pools below and to the right to come out at the same sizes; its
weights are Caffe's.
"""

import importlib
import pathlib
import types
from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from alexnet_tf.network import WEIGHTED_LAYERS
from alexnet_tf.optional import import_or_explain
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.layout import layers_from_maps_first
from alexnet_tf.weights.steps import Normalization, Step

ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh"}
# These change no number when the network tests, or only the shape.
IGNORED = ("Dropout", "Flatten", "Identity", "Reshape", "Softmax", "Constant")


def read_onnx(path: str | pathlib.Path) -> FileWeights:
    """The `FileWeights` of an ONNX file.

    Raises:
        UserError: onnx is not installed.
        ValueError: it cannot be read, or is not a chain of AlexNet's nodes.
    """
    onnx = import_or_explain("onnx", "an ONNX file", "--group onnx")
    importlib.import_module("onnx.numpy_helper")  # onnx alone lacks it
    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError:
        raise ValueError("no ONNX model, or only a part of one") from None
    if model.producer_name == "alexnet_tf":
        raise ValueError(
            "it is of --format=onnx, which is not for importing: export with "
            "--format=safetensors"
        )
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = _attributes(onnx, node).get("value")
    steps, weights = [], []
    for node in graph.node:
        if node.op_type in IGNORED:
            continue
        attributes = _attributes(onnx, node)
        arrays = [
            _array(onnx, constants, node, name) for name in node.input[1:]
        ]
        steps.append(_step(node, attributes, arrays))
        if node.op_type in ("Conv", "Gemm"):
            weights.append(_kernel_and_bias(node, attributes, arrays))
    if len(weights) != len(WEIGHTED_LAYERS):
        raise ValueError(
            f"{len(weights)} nodes with weights, where AlexNet has "
            f"{len(WEIGHTED_LAYERS)}"
        )
    named = dict(zip(WEIGHTED_LAYERS, weights, strict=True))
    return FileWeights(
        layers=layers_from_maps_first(named),
        channel_order="bgr",
        steps=tuple(steps),
    )


def _attributes(onnx: types.ModuleType, node: Any) -> dict[str, Any]:
    return {
        attribute.name: onnx.helper.get_attribute_value(attribute)
        for attribute in node.attribute
    }


def _array(
    onnx: types.ModuleType, constants: dict[str, Any], node: Any, name: str
) -> np.ndarray:
    tensor = constants.get(name)
    if tensor is None:
        raise ValueError(f"{_label(node)} has no constant {name}")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise ValueError("its weights lie in a file beside it")
    return onnx.numpy_helper.to_array(tensor)


def _label(node: Any) -> str:
    return f"the {node.op_type} node of {node.output[0]}"


def _step(
    node: Any, attributes: dict[str, Any], arrays: list[np.ndarray]
) -> Step:
    match node.op_type:
        case "Conv":
            return Step("conv", _conv_values(node, attributes, arrays[0]))
        case "Gemm":
            return Step("fc")
        case "MaxPool":
            size = _single(node, attributes["kernel_shape"])
            stride = _single(node, attributes.get("strides", [1]))
            if any(attributes.get("pads", [])[:2]):
                raise ValueError(f"{_label(node)} pads above or to the left")
            return Step("pool", (size, stride))
        case "LRN":
            n = attributes["size"]
            return Step(
                "lrn",
                Normalization(
                    n,
                    attributes.get("bias", 1.0),
                    attributes.get("alpha", 1e-4) / n,
                    attributes.get("beta", 0.75),
                ),
            )
    if node.op_type in ACTIVATIONS:
        return Step(ACTIVATIONS[node.op_type])
    raise ValueError(f"{_label(node)} is none of AlexNet's")


def _conv_values(
    node: Any, attributes: dict[str, Any], kernel: np.ndarray
) -> tuple[int, int, int, int]:
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise ValueError(f"{_label(node)} leaves its padding open")
    if _single(node, attributes.get("dilations", [1])) != 1:
        raise ValueError(f"{_label(node)} is dilated")
    stride = _single(node, attributes.get("strides", [1]))
    padding = _single(node, attributes.get("pads", [0]))
    return kernel.shape[-1], stride, padding, attributes.get("group", 1)


def _kernel_and_bias(
    node: Any, attributes: dict[str, Any], arrays: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    if len(arrays) != 2:
        raise ValueError(f"{_label(node)} has no bias")
    kernel, bias = (array.astype(np.float32, copy=False) for array in arrays)
    if node.op_type == "Gemm":
        plain = attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1
        if not plain or attributes.get("transA", 0):
            raise ValueError(f"{_label(node)} scales or transposes its input")
        if not attributes.get("transB", 0):
            kernel = kernel.T
    return kernel, np.ravel(bias)


def _single(node: Any, values: Sequence[int]) -> int:
    """The one value of a list that is the same everywhere."""
    if len({*values}) != 1:
        raise ValueError(f"{_label(node)} is not the same both ways")
    return values[0]
