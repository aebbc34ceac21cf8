"""Where one training step ran, read from the graphs that were executed.

What `tf.device` asked for says little: the placer, the gradients and Grappler
have the last word. `tests/test_placement.py` and `benchmarks.gpu_check` read a
step on logical CPUs and on GPUs with the same code.
"""

import collections
import re
import typing

import tensorflow as tf

from alexnet_tf.training.placement import (
    SEND,
    GraphCollection,
    nodes_of_step,
    short,
    transfers_of,
)

RECEIVE = ("_Recv", "_HostRecv")
CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")
DENSE = ("fc6", "fc7")  # fc8 has one tower
# Layers whose outputs the towers exchange, with that which fc8 reads.
EXCHANGED = ("pool2", "pool5", "drop6", "drop7")
# What an update is made of: the decay into the velocity, velocity and weight.
UPDATE = ("ResourceApplyGradientDescent", "ResourceApplyKerasMomentum")


class Transfer(typing.NamedTuple):
    """A tensor that crosses.

    Attributes:
        sender, receiver: "CPU:1".
        name: of the node that made it.
        shape: static; None where it is not known.
        dtype: a `tf.DType`.
    """

    sender: str
    receiver: str
    name: str
    shape: tuple[int, ...] | None
    dtype: tf.DType


class ExecutedStep:
    """One executed training step.

    Args:
        trainer: a `Trainer` that has taken no step yet; it takes one.
        data: dataset of one batch, (uint8 images, labels).

    Attributes:
        trainer: as given.
        nodes: of all devices' graphs.
    """

    def __init__(self, trainer, data):
        self.trainer = trainer
        name_update_steps(trainer)
        with GraphCollection() as collection:
            trainer.fit(data, shuffle=False, verbose=0)
        self.nodes = nodes_of_step(trainer, collection.functions)

    def transfers(self):
        """A list with the `Transfer` of each tensor that crosses."""
        return [
            Transfer(*way, plain(node.name), shape, dtype)
            for way, node, shape, dtype in transfers_of(
                self.trainer, self.nodes
            )
        ]

    def heavy_operations(self):
        """Devices of every heavy operation, by (layer, tower, kind)."""
        found = collections.defaultdict(list)
        for node in self.nodes:
            if kind(node):
                key = (*layer_and_tower(node), kind(node))
                found[key].append(short(node.device))
        return dict(found)

    def updates(self):
        """{variable: {(operation, device), ...}} of what changes it.

        A variable's name is "conv1_kernel_0". The learning rate, which
        is read where it lives and sent as a scalar, is left out.
        """
        found = collections.defaultdict(set)
        for node in self.nodes:
            update = re.search(r"/update_(\w+_\d)/", node.name)
            if update and node.op not in ("Const", "ReadVariableOp", *RECEIVE):
                if node.op in SEND:
                    continue
                found[update[1]].add((node.op, short(node.device)))
        return dict(found)


def name_update_steps(trainer):
    """Makes the names of an update's nodes tell which variable's."""
    optimizer = trainer.optimizer
    original = optimizer.update_step
    names = {
        variable.value.ref(): flat_name(variable)
        for variable in trainer.trainable_variables
    }

    def update_step(gradient, variable, learning_rate):
        with tf.name_scope(f"update_{names[variable.ref()]}"):
            original(gradient, variable, learning_rate)

    optimizer.update_step = update_step


def flat_name(variable):
    """A variable's path as part of a node's name."""
    return variable.path.replace("/", "_")


def plain(name):
    """A node's name before the step was inlined into the outer function."""
    return name.removeprefix("StatefulPartitionedCall/")


def layer_and_tower(node):
    """From a node's name scope, or else from its inputs'."""
    if "/lighting" in node.name:
        return "lighting", None  # ahead of the towers
    for name in (node.name, *node.input):
        found = re.search(r"/(\w+?\d)(?:_\d+)?/tower_(\d)/", name)
        if found:
            return found[1], int(found[2])
    raise AssertionError(f"no tower in the names of {node}")


def kind(node):
    """Which heavy operation a node is, with oneDNN or without; else None."""
    for pattern, name in (
        (r"Conv2DBackpropFilter", "kernel gradient"),
        (r"Conv2DBackpropInput", "input gradient"),
        (r"Conv2D", "convolution"),
        (r"MatMul", "product"),
    ):
        if re.search(pattern, node.op):
            return name
    return None


def expected_operations(devices, default):
    """`heavy_operations` of the paper's network, each on its tower's device.

    Args:
        devices: of the two towers, "GPU:0" and "GPU:1".
        default: the device of what belongs to no tower.
    """
    expected: dict[tuple[str, int | None, str], list[str]] = {
        ("lighting", None, "product"): [default]
    }
    for tower, device in enumerate(devices):
        for layer in CONVOLUTIONS:
            expected[layer, tower, "convolution"] = [device]
            expected[layer, tower, "kernel gradient"] = [device]
            expected[layer, tower, "product"] = [device]  # gradient of biases
            # Nobody needs the gradient of the images.
            if layer != "conv1":
                expected[layer, tower, "input gradient"] = [device]
        for layer in DENSE:
            # Forward, gradients of the kernel, the biases and the input.
            expected[layer, tower, "product"] = [device] * 4
        for layer in ("lrn1", "lrn2"):
            expected[layer, tower, "product"] = [device] * 2
    expected["fc8", 0, "product"] = [devices[0]] * 4
    return expected


def allowed_shapes(trainer, batch_size):
    """Of tensors that may cross, whatever their way.

    Images, their mean and the lighting of each, exchanged activations with
    their gradients, logits, labels and numbers an image, single numbers.
    """
    network = trainer.network
    tensors = [
        tensor
        for name in (*EXCHANGED, "fc8")
        for tensor in tf.nest.flatten(network.get_layer(name).output)
    ]
    image = tuple(network.input_shape[1:])
    shapes = {(batch_size, *tensor.shape[1:]) for tensor in tensors}
    shapes |= {(batch_size, *image), image, (batch_size, 3), (batch_size,), ()}
    of_weights = {tuple(v.shape) for v in network.trainable_variables}
    assert not shapes & of_weights  # or the check would prove nothing
    return shapes
