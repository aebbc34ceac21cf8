"""The network and its ten crops as an ONNX graph.

Written out layer by layer: the converter of TensorFlow graphs (tf2onnx 1.17)
takes 13 GB of memory and a minute for the paper's network, and three times as
many nodes.

The towers' maps lie in one tensor, the first tower's first, where a layer
that does not cross the towers is a grouped one.
"""

from typing import Any

import keras
import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.evaluation.ten_crop import crop_corners
from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.layers.input import InputForm, MeanSubtraction, PCALighting
from alexnet_tf.layers.normalization import TowerLRN, TowerSameMapNorm
from alexnet_tf.layers.pooling import TowerActivation, TowerMaxPool2D

OPSET, IR_VERSION = 13, 7  # of 2020: nothing in the graph needs newer ones
BATCH = "batch"
CROPS = 10
CENTRE = 4  # of the ten
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def ten_crop_model(network: keras.Model, crop: int) -> ModelProto:
    """The graph from records to probabilities.

    Args:
        network: from uint8 crops to logits, as `build_network` makes it.
        crop: side of a crop, in pixels.

    Returns:
        An onnx.ModelProto from `images`, uint8 [B, 256, 256, 3], to
        `probabilities`, float32 [B, classes], of `ten_crop_probabilities`,
        and `logits`, float32 [B, classes], of the centre crop.

    Raises:
        NotImplementedError: a layer has no counterpart here.
    """
    graph = _Graph()
    records = [BATCH, RECORD_SIZE, RECORD_SIZE, 3]
    graph.model.graph.input.append(
        helper.make_tensor_value_info("images", TensorProto.UINT8, records)
    )
    x = _ten_crops(graph, "images", crop)
    for layer in network.layers:
        x = _apply(graph, layer, x)
    classes = network.output_shape[-1]
    _answers(graph, x, classes)
    for name in ("probabilities", "logits"):
        graph.model.graph.output.append(
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, [BATCH, classes]
            )
        )
    return graph.model


class _Graph:
    """An ONNX model that grows by a node or a constant at a time."""

    def __init__(self) -> None:
        # The model is filled in place: `make_model` would copy every weight.
        self.model = ModelProto(
            ir_version=IR_VERSION,
            opset_import=[helper.make_opsetid("", OPSET)],
        )
        self.model.graph.name = "alexnet"

    def node(
        self, op: str, name: str, inputs: list[str], **attributes: Any
    ) -> str:
        """Appends a node; returns the name of its output, its own."""
        self.model.graph.node.append(
            helper.make_node(op, inputs, [name], name, **attributes)
        )
        return name

    def split(self, name: str, x: str, outputs: list[str]) -> None:
        """Appends a split of the maps or neurons into equal parts."""
        self.model.graph.node.append(
            helper.make_node("Split", [x], outputs, name, axis=1)
        )

    def constant(self, name: str, values: np.ndarray | np.generic) -> str:
        """Appends a constant; returns its name."""
        self.model.graph.initializer.append(
            numpy_helper.from_array(np.asarray(values, order="C"), name)
        )
        return name

    def slice(
        self,
        name: str,
        x: str,
        starts: list[int],
        ends: list[int],
        axes: list[int],
        steps: list[int],
    ) -> str:
        """`x[start:end:step]` along each of the axes."""
        bounds = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
        constants = [
            self.constant(f"{name}/{bound}", np.array(values, np.int64))
            for bound, values in bounds.items()
        ]
        return self.node("Slice", name, [x, *constants])


def _ten_crops(graph: _Graph, images: str, crop: int) -> str:
    """The crops of `ten_crops`, [10 B, crop, crop, 3]: view by view."""
    names = ("top_left", "top_right", "bottom_left", "bottom_right", "centre")
    views = [
        graph.slice(
            name,
            images,
            starts=[top, left],
            ends=[top + crop, left + crop],
            axes=[1, 2],
            steps=[1, 1],
        )
        for name, (top, left) in zip(names, crop_corners(crop), strict=True)
    ]
    five = graph.node("Concat", "five_crops", views, axis=0)
    mirrored = graph.slice(
        "mirrors", five, starts=[-1], ends=[-crop - 1], axes=[2], steps=[-1]
    )
    return graph.node("Concat", "ten_crops", [five, mirrored], axis=0)


def _answers(graph: _Graph, logits: str, classes: int) -> None:
    """Appends the outputs, from the logits of all views, [10 B, classes]."""
    shape = graph.constant("views", np.array([CROPS, -1, classes], np.int64))
    by_view = graph.node("Reshape", "by_view", [logits, shape])
    each = graph.node("Softmax", "softmax", [by_view], axis=-1)
    graph.node("ReduceMean", "probabilities", [each], axes=[0], keepdims=0)
    centre = graph.constant("centre_view", np.array(CENTRE, np.int64))
    graph.node("Gather", "logits", [by_view, centre], axis=0)


def _apply(graph: _Graph, layer: keras.Layer, x: str) -> str:
    """Appends a layer; returns the name of its output."""
    match layer:
        case keras.layers.InputLayer() | PCALighting():
            return x  # lighting is for training
        case keras.layers.Concatenate():
            return x  # the towers' logits lie in one tensor anyway
        case TowerDropout():
            return _scale(graph, layer, x)
        case MeanSubtraction():
            return _subtract_mean(graph, layer, x)
        case InputForm():
            return _form_input(graph, layer, x)
        case TowerConv2D():
            return _convolve(graph, layer, x)
        case TowerLRN():
            return _normalize(graph, layer, x)
        case TowerSameMapNorm():
            return _normalize_each_map(graph, layer, x)
        case TowerActivation():
            return _activate(graph, layer, x)
        case TowerMaxPool2D():
            return graph.node(
                "MaxPool",
                layer.name,
                [x],
                kernel_shape=[layer.size] * 2,
                strides=[layer.stride] * 2,
                pads=[0, 0, *map(layer.over_the_edge, layer.input_sides)],
            )
        case TowerDense():
            return _connect_fully(graph, layer, x)
    raise NotImplementedError(f"no ONNX nodes for {layer.name}, {type(layer)}")


def _subtract_mean(graph: _Graph, layer: MeanSubtraction, x: str) -> str:
    """The difference; from here on images are [B, 3, H, W]."""
    x = graph.node("Cast", "float32", [x], to=TensorProto.FLOAT)
    mean = graph.constant(f"{layer.name}/image", layer.mean.numpy())
    x = graph.node("Sub", layer.name, [x, mean])
    return graph.node("Transpose", "maps", [x], perm=[0, 3, 1, 2])


def _form_input(graph: _Graph, layer: InputForm, x: str) -> str:
    divisor = graph.constant(f"{layer.name}/divisor", np.float32(layer.divisor))
    x = graph.node("Div", f"{layer.name}/divided", [x, divisor])
    colours = [2, 1, 0] if layer.channel_order == "bgr" else [0, 1, 2]
    order = graph.constant(f"{layer.name}/order", np.array(colours, np.int64))
    return graph.node("Gather", layer.name, [x, order], axis=1)


def _convolve(graph: _Graph, layer: TowerConv2D, x: str) -> str:
    _refuse_rounding(layer)
    crosses = layer.exchange or not isinstance(layer.input, list)
    if layer.padding == "same":
        padding = {"auto_pad": "SAME_UPPER"}
    else:
        (top, below), (left, right) = map(layer.zeros_around, layer.input_sides)
        padding = {"pads": [top, left, below, right]}
    x = graph.node(
        "Conv",
        layer.name,
        [
            x,
            graph.constant(
                f"{layer.name}/kernel",
                _joined(layer.kernels).transpose(3, 2, 0, 1),
            ),
            graph.constant(f"{layer.name}/bias", _joined(layer.biases)),
        ],
        kernel_shape=[layer.kernel_size] * 2,
        strides=[layer.strides] * 2,
        group=1 if crosses else layer.towers,
        **padding,
    )
    return _activate(graph, layer, x)


def _normalize(graph: _Graph, layer: TowerLRN, x: str) -> str:
    """LRN by its formula, the sum over the window a 1x1 convolution.

    On a CPU ONNX Runtime takes 2 to 9 times as long for ONNX's own LRN, which
    would be half of the whole network's time. And windows that end with their
    tower need no split of the maps.
    """
    maps = layer.towers * layer.tower_outputs[0].shape[-1]
    index = np.arange(maps)
    window = np.abs(index[:, None] - index) <= layer.n // 2
    if layer.scope == "tower":
        tower = index * layer.towers // maps
        window &= tower[:, None] == tower
    alphas = (layer.alpha * window)[..., None, None]
    return _divide_by_response(graph, layer, x, alphas)


def _normalize_each_map(graph: _Graph, layer: TowerSameMapNorm, x: str) -> str:
    """The same with sums over a window of a map, which end at its edges."""
    maps = layer.towers * layer.tower_outputs[0].shape[-1]
    alphas = np.full((maps, 1, layer.size, layer.size), layer.alpha)
    edges = [layer.size // 2] * 4
    return _divide_by_response(graph, layer, x, alphas, group=maps, pads=edges)


def _divide_by_response(
    graph: _Graph,
    layer: TowerLRN | TowerSameMapNorm,
    x: str,
    alphas: np.ndarray,
    **attributes: Any,
) -> str:
    """x / (k + sums)^beta, the sums a convolution of x^2 with `alphas`."""
    constants = {
        "alphas": alphas,
        "k": np.full(len(alphas), layer.k),
        "minus_beta": np.array(-layer.beta),
    }
    kernel, k, minus_beta = (
        graph.constant(f"{layer.name}/{name}", values.astype(np.float32))
        for name, values in constants.items()
    )
    name = layer.name
    squares = graph.node("Mul", f"{name}/squares", [x, x])
    sums = graph.node(
        "Conv", f"{name}/sums", [squares, kernel, k], **attributes
    )
    scale = graph.node("Pow", f"{name}/scale", [sums, minus_beta])
    return graph.node("Mul", name, [x, scale])


def _connect_fully(graph: _Graph, layer: TowerDense, x: str) -> str:
    _refuse_rounding(layer)
    if layer.towers > 1 and not layer.exchange:
        return _connect_each_tower(graph, layer, x)
    kernel, bias = _joined(layer.kernels), _joined(layer.biases)
    x = _flat(graph, layer, layer.name, x)
    x = _product(graph, layer.name, x, kernel, bias)
    return _activate(graph, layer, x)


def _connect_each_tower(graph: _Graph, layer: TowerDense, x: str) -> str:
    """Each tower's neurons with its own part of `x`, then side by side."""
    names = [f"{layer.name}/tower_{t}" for t in range(layer.towers)]
    parts = [f"{name}/own" for name in names]
    graph.split(f"{layer.name}/towers", x, parts)
    outputs = [
        _product(
            graph,
            name,
            _flat(graph, layer, name, part),
            layer.kernels[tower].numpy(),
            layer.biases[tower].numpy(),
        )
        for tower, (name, part) in enumerate(zip(names, parts, strict=True))
    ]
    x = graph.node("Concat", layer.name, outputs, axis=1)
    return _activate(graph, layer, x)


def _flat(graph: _Graph, layer: TowerDense, name: str, x: str) -> str:
    """Maps as rows of neurons, which are counted by row, column, map."""
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    if len(inputs[0].shape) == 2:
        return x
    x = graph.node("Transpose", f"{name}/by_row", [x], perm=[0, 2, 3, 1])
    return graph.node("Flatten", f"{name}/flat", [x])


def _product(
    graph: _Graph, name: str, x: str, kernel: np.ndarray, bias: np.ndarray
) -> str:
    constants = [
        graph.constant(f"{name}/kernel", kernel),
        graph.constant(f"{name}/bias", bias),
    ]
    return graph.node("Gemm", name, [x, *constants])


def _refuse_rounding(layer: TowerConv2D | TowerDense) -> None:
    if layer.rounds_what_crosses:
        raise NotImplementedError(
            "model.exchange_precision=float16, the rounding of what crosses "
            "between the towers"
        )


def _scale(graph: _Graph, layer: TowerDropout, x: str) -> str:
    """What dropout is outside training."""
    if layer.factor_at_test == 1:
        return x
    factor = np.float32(layer.factor_at_test)
    factor = graph.constant(f"{layer.name}/factor", factor)
    return graph.node("Mul", layer.name, [x, factor])


def _activate(
    graph: _Graph, layer: TowerConv2D | TowerDense | TowerActivation, x: str
) -> str:
    activation = keras.activations.serialize(layer.activation)
    if activation == "linear":
        return x
    op = ACTIVATIONS[activation]
    return graph.node(op, f"{layer.name}/{activation}", [x])


def _joined(variables: list[keras.Variable]) -> np.ndarray:
    """The towers' kernels or biases, the first tower's first."""
    return np.concatenate([v.numpy() for v in variables], axis=-1)
