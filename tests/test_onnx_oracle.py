"""The network's logits against an ONNX graph written from the paper.

The graph shares nothing with our layers but the weights: it is the grouped
network on joined maps, run by ONNX Runtime.
"""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

from alexnet_tf.network import WEIGHTED_LAYERS
from tests.signal_network import network_with_signal, random_mean
from tests.slow import slow

BATCH = 3


class Graph:
    """Nodes in a chain, each with its constants."""

    def __init__(self, image_side):
        self.input = helper.make_tensor_value_info(
            "image", TensorProto.UINT8, [BATCH, image_side, image_side, 3]
        )
        self.nodes, self.constants, self.last = [], [], "image"

    def add(self, op, *constants, inputs=None, outputs=1, **attributes):
        """Appends a node; returns the names of its outputs."""
        number = len(self.nodes)
        names = [f"constant_{number}_{i}" for i in range(len(constants))]
        self.constants += [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for array, name in zip(constants, names, strict=True)
        ]
        results = [f"{op}_{number}_{i}" for i in range(outputs)]
        self.nodes.append(
            helper.make_node(
                op, [*(inputs or [self.last]), *names], results, **attributes
            )
        )
        self.last = results[0]
        return results

    def run(self, images):
        output = helper.make_tensor_value_info(
            self.last, TensorProto.FLOAT, [BATCH, 1000]
        )
        graph = helper.make_graph(
            self.nodes, "alexnet", [self.input], [output], self.constants
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
        )
        checker.check_model(model)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        [logits] = session.run(None, {"image": images})
        return logits


def alexnet(weights, mean, crop, groups, lrn_groups):
    """Figure 2 as an ONNX graph, NCHW.

    Args:
        weights: kernel [H, W, in, out] or [in, out] and bias of each layer.
        mean: [H, W, 3], subtracted from the images.
        crop: side of the images.
        groups: of conv2, conv4 and conv5.
        lrn_groups: parts of the maps that are normalized by themselves.
    """
    graph = Graph(crop)
    graph.add("Cast", to=TensorProto.FLOAT)
    graph.add("Sub", mean)
    graph.add("Transpose", perm=[0, 3, 1, 2])

    def conv(name, stride, pads, group):
        kernel, bias = weights[name]
        graph.add(
            "Conv",
            kernel.transpose(3, 2, 0, 1),
            bias,
            kernel_shape=kernel.shape[:2],
            strides=[stride, stride],
            pads=pads,  # top, left, bottom, right
            group=group,
        )
        graph.add("Relu")

    def lrn():
        # ONNX divides alpha by the size.
        constants = {"size": 5, "alpha": 5e-4, "beta": 0.75, "bias": 2.0}
        parts = graph.add("Split", outputs=lrn_groups, axis=1)
        normalized = [
            graph.add("LRN", inputs=[part], **constants)[0] for part in parts
        ]
        graph.add("Concat", inputs=normalized, axis=1)

    def pool():
        graph.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2])

    end = 3 if crop == 224 else 0
    conv("conv1", 4, [0, 0, end, end], 1)
    lrn()
    pool()
    conv("conv2", 1, [2, 2, 2, 2], groups)
    lrn()
    pool()
    conv("conv3", 1, [1, 1, 1, 1], 1)
    conv("conv4", 1, [1, 1, 1, 1], groups)
    conv("conv5", 1, [1, 1, 1, 1], groups)
    pool()
    # Our fully connected layers count neurons by row, column, map.
    graph.add("Transpose", perm=[0, 2, 3, 1])
    graph.add("Flatten")
    for name in ("fc6", "fc7"):
        graph.add("Gemm", *weights[name])
        graph.add("Relu")
        # Dropout as in the paper: all outputs times a half at test time.
        graph.add("Mul", np.float32(0.5))
    graph.add("Gemm", *weights["fc8"])
    return graph


def random_images(crop):
    """Images with structure, unlike noise: eight by eight tiles of colour."""
    random = np.random.default_rng(3)
    tiles = random.integers(0, 256, (BATCH, 8, 8, 3), np.uint8)
    return tiles.repeat(32, axis=1).repeat(32, axis=2)[:, :crop, :crop]


def joined_weights(network):
    """Kernel and bias of each layer, tower 0's kernels before tower 1's."""
    layers = {name: network.get_layer(name) for name in WEIGHTED_LAYERS}
    return {
        name: tuple(
            np.concatenate([v.numpy() for v in variables], axis=-1)
            for variables in (layer.kernels, layer.biases)
        )
        for name, layer in layers.items()
    }


@pytest.mark.parametrize(
    ("towers", "scope", "groups", "lrn_groups", "crop"),
    [
        *((2, "tower", 2, 2, 224), slow(2, "layer", 2, 1, 227)),
        *(slow(2, "tower", 2, 2, 227), slow(2, "layer", 2, 1, 224)),
        *(slow(1, "tower", 1, 1, 224), slow(1, "tower", 1, 1, 227)),
    ],
)
def test_logits(towers, scope, groups, lrn_groups, crop):
    network = network_with_signal(
        **{"towers": towers, "crop": crop, "lrn.scope": scope}
    )
    images = random_images(crop)
    first = (256 - crop) // 2
    mean = random_mean()[first : first + crop, first : first + crop]
    weights = joined_weights(network)
    expected = alexnet(weights, mean, crop, groups, lrn_groups).run(images)
    scale = np.abs(expected).max()
    # Logits that hardly depend on the image would prove little.
    assert np.ptp(expected, axis=0).mean() > 0.05 * scale
    ours = network(images).numpy()
    assert np.abs(ours - expected).max() <= 1e-4 * scale
