"""Weights files of Caffe's AlexNet with random numbers, written from the
formats' descriptions and sharing nothing with the readers.

Weights are Caffe's: {"conv1": (kernel [out, in, H, W], bias), ...}, those of
fully connected layers [out, in].
"""

import struct

import numpy as np
from onnx import TensorProto, helper, numpy_helper

WIDTH = 1 / 8  # of the networks that most tests use
MEAN = (104.007, 116.669, 122.679)  # BGR
LAYERS = (
    *("conv1", "conv2", "conv3", "conv4", "conv5"),
    *("fc6", "fc7", "fc8"),
)
# Of bvlc_alexnet's train_val.prototxt, at full width.
KERNELS = (96, 256, 384, 384, 256)
SIZES = (11, 5, 3, 3, 3)
PADS = (0, 2, 1, 1, 1)
GROUPS = (1, 2, 1, 2, 2)
UNITS = (4096, 4096)


def random_weights(width=1.0, classes=1000, seed=0):
    """Numbers under which all layers' activations differ with the image."""
    random = np.random.default_rng(seed)

    def normal(shape, gain):
        std = gain / np.prod(shape[1:]) ** 0.5
        return (std * random.standard_normal(shape)).astype(np.float32)

    def bias(count):
        return random.normal(0.1, 0.3, count).astype(np.float32)

    weights, maps = {}, 3
    for name, kernels, size, groups in zip(
        LAYERS, KERNELS, SIZES, GROUPS, strict=False
    ):
        count = round(kernels * width)
        kernel = normal((count, maps // groups, size, size), 1.2)
        weights[name] = (kernel, bias(count))
        maps = count
    inputs = maps * 36
    for name, units in zip(
        LAYERS[5:], (*(round(u * width) for u in UNITS), classes), strict=True
    ):
        gain = 0.05 if name == "fc8" else 1.2  # leaves probabilities apart
        weights[name] = (normal((units, inputs), gain), bias(units))
        inputs = units
    return weights


# Protobuf's wire format.


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def integer(field, value):
    return varint(field << 3) + varint(value)


def float32(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def chunk(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def blob(array, v1=False):
    """A BlobProto."""
    data = chunk(5, np.ascontiguousarray(array, "<f4").tobytes())
    if v1:
        shape = (1,) * (4 - array.ndim) + array.shape
        return b"".join(integer(i + 1, s) for i, s in enumerate(shape)) + data
    dims = b"".join(map(varint, array.shape))
    return data + chunk(7, chunk(1, dims))


def caffe_chain(
    alpha=1e-4, k=None, n=5, beta=0.75, pool_first=False, conv1_stride=4
):
    """[(name, type, parameters)] of bvlc_alexnet; parameters as lines of a
    prototxt, "" where there are none."""
    lrn = f"local_size: {n} alpha: {alpha} beta: {beta}"
    if k is not None:
        lrn += f" k: {k}"
    chain = []
    for i, name in enumerate(LAYERS[:5]):
        lines = f"num_output: {{}} kernel_size: {SIZES[i]}"
        if PADS[i]:
            lines += f" pad: {PADS[i]}"
        if GROUPS[i] > 1:
            lines += f" group: {GROUPS[i]}"
        if i == 0:
            lines += f" stride: {conv1_stride}"
        chain += [(name, "Convolution", lines), (f"relu{i + 1}", "ReLU", "")]
        after = []
        if i < 2:
            after.append((f"norm{i + 1}", "LRN", lrn))
        if i in (0, 1, 4):
            lines = "pool: MAX kernel_size: 3 stride: 2"
            after.append((f"pool{i + 1}", "Pooling", lines))
        chain += after[::-1] if pool_first else after
    for i, name in enumerate(LAYERS[5:], 6):
        chain.append((name, "InnerProduct", "num_output: {}"))
        if i < 8:
            chain.append((f"relu{i}", "ReLU", ""))
            chain.append((f"drop{i}", "Dropout", "dropout_ratio: 0.5"))
    return [*chain, ("prob", "Softmax", "")]


PARAMETERS = {
    "Convolution": "convolution_param",
    "InnerProduct": "inner_product_param",
    "LRN": "lrn_param",
    "Pooling": "pooling_param",
    "Dropout": "dropout_param",
}


def prototxt(chain, weights, crop=227):
    """The network as Caffe's text, each layer with an output of its own."""
    dims = " ".join(f"dim: {d}" for d in (1, 3, crop, crop))
    lines = [
        'name: "AlexNet"',
        'layer { name: "data" type: "Input" top: "data" '
        f"input_param {{ shape {{ {dims} }} }} }}",
    ]
    below = "data"
    for name, kind, parameters in chain:
        inner = ""
        if parameters:
            count = len(weights[name][1]) if name in weights else 0
            inner = f"{PARAMETERS[kind]} {{ {parameters.format(count)} }}"
        lines.append(
            f'layer {{ name: "{name}" type: "{kind}" bottom: "{below}" '
            f'top: "{name}" {inner} }}'
        )
        below = name
    return "\n".join(lines)


# Fields of the parameters: (number, encoder).
FIELDS = {
    "Convolution": {
        "num_output": (1, integer),
        "pad": (3, integer),
        "kernel_size": (4, integer),
        "group": (5, integer),
        "stride": (6, integer),
    },
    "InnerProduct": {"num_output": (1, integer)},
    "LRN": {
        "local_size": (1, integer),
        "alpha": (2, float32),
        "beta": (3, float32),
        "norm_region": (4, integer),
        "k": (5, float32),
    },
    "Pooling": {
        "pool": (1, integer),
        "kernel_size": (2, integer),
        "stride": (3, integer),
        "pad": (4, integer),
    },
    "Dropout": {"dropout_ratio": (1, float32)},
}
NUMBERS = {  # of the parameters in LayerParameter and V1LayerParameter
    "Convolution": (106, 10),
    "InnerProduct": (117, 17),
    "LRN": (118, 18),
    "Pooling": (121, 19),
    "Dropout": (108, 12),
}
V1_TYPES = {
    "Convolution": 4,
    "Dropout": 6,
    "InnerProduct": 14,
    "LRN": 15,
    "Pooling": 17,
    "ReLU": 18,
    "Softmax": 20,
}
ENUMS = {"MAX": 0, "AVE": 1, "WITHIN_CHANNEL": 1}


def parameter_message(kind, parameters):
    words = parameters.split()
    message = b""
    for key, value in zip(words[::2], words[1::2], strict=True):
        number, encode = FIELDS[kind][key.rstrip(":")]
        if encode is integer:
            message += integer(number, int(ENUMS.get(value, value)))
        else:
            message += float32(number, float(value))
    return message


def caffemodel(chain, weights, v1=False):
    """The bytes of a .caffemodel: a NetParameter."""
    net = chunk(1, "AlexNet")
    below = "data"
    for name, kind, parameters in chain:
        if v1:
            layer = chunk(4, name) + integer(5, V1_TYPES[kind])
            layer += chunk(2, below) + chunk(3, name)
        else:
            layer = chunk(1, name) + chunk(2, kind)
            layer += chunk(3, below) + chunk(4, name)
        if parameters:
            count = len(weights[name][1]) if name in weights else 0
            message = parameter_message(kind, parameters.format(count))
            layer += chunk(NUMBERS[kind][v1], message)
        for array in weights.get(name, ()):
            layer += chunk(6 if v1 else 7, blob(array, v1))
        net += chunk(2 if v1 else 100, layer)
        below = name
    return net


def npy_dict(weights):
    """The dict of bvlc_alexnet.npy: HWIO kernels, fc6's rows by place."""
    layers = {}
    for name, (kernel, bias) in weights.items():
        if kernel.ndim == 4:
            kernel = np.moveaxis(kernel, [2, 3, 1, 0], [0, 1, 2, 3])
        elif name == "fc6":
            maps = kernel.shape[1] // 36
            rows = [
                kernel[:, m * 36 + y * 6 + x]
                for y in range(6)
                for x in range(6)
                for m in range(maps)
            ]
            kernel = np.stack(rows)
        else:
            kernel = kernel.T
        layers[name] = [kernel, bias]
    return layers


def onnx_model(weights, outputs=(), crop=227, alpha=1e-4, trans_b=True):
    """The network in ONNX, as the model zoo's bvlcalexnet has it.

    Args:
        weights: Caffe's.
        outputs: names of nodes whose outputs the model gives.
        crop: side of its input; 224 as in the model zoo, with the padding of
            its first pool.
        alpha: of LRN.
        trans_b: whether the matrices of Gemm are [out, in].
    """
    nodes, constants, last = [], [], "data_0"

    def add(op, name, *arrays, **attributes):
        nonlocal last
        names = [f"{name}_{i}" for i in range(len(arrays))]
        constants.extend(
            numpy_helper.from_array(np.ascontiguousarray(array), n)
            for array, n in zip(arrays, names, strict=True)
        )
        nodes.append(helper.make_node(op, [last, *names], [name], **attributes))
        last = name

    for i, name in enumerate(LAYERS[:5]):
        add(
            "Conv",
            f"{name}_sum",
            *weights[name],
            kernel_shape=[SIZES[i]] * 2,
            strides=[4 if i == 0 else 1] * 2,
            pads=[PADS[i]] * 4,
            group=GROUPS[i],
        )
        add("Relu", name)
        if i < 2:
            constants_of_lrn = {"alpha": alpha, "beta": 0.75, "bias": 1.0}
            add("LRN", f"norm{i + 1}", size=5, **constants_of_lrn)
        if i in (0, 1, 4):
            fill = 1 if crop == 224 and i == 0 else 0
            add(
                "MaxPool",
                f"pool{i + 1}",
                kernel_shape=[3, 3],
                strides=[2, 2],
                pads=[0, 0, fill, fill],
            )
    shape = np.array([0, -1], np.int64)
    add("Reshape", "flat", shape)
    for i, name in enumerate(LAYERS[5:]):
        kernel, bias = weights[name]
        kernel = kernel if trans_b else kernel.T
        label = name if i == 2 else f"{name}_sum"
        add("Gemm", label, kernel, bias, transB=int(trans_b))
        if i < 2:
            add("Relu", name)
    add("Softmax", "prob", axis=1)
    batch = nodes and "batch"
    graph = helper.make_graph(
        nodes,
        "alexnet",
        [
            helper.make_tensor_value_info(
                "data_0", TensorProto.FLOAT, [batch, 3, crop, crop]
            )
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in (*outputs, "prob")
        ],
        constants,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4
    )
