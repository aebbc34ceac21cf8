"""Where a training step really runs, and that it does not change the result.

Read from the graphs that the runtime executed, after placement and
optimization: what `tf.device` asked for says little about gradients.
"""

import collections
import contextlib
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from alexnet_tf.layers import normalization, towers
from alexnet_tf.layers.towers import placement, resolve_tower_devices
from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.trainer import Trainer

BATCH = 5
PINS = "CPU:1,CPU:2"
DEVICES = ("CPU:1", "CPU:2")  # of tower 0 and 1; the default is CPU:0
CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")
DENSE = ("fc6", "fc7")  # fc8 has one tower


def trainer_on(model, spec, **options):
    with placement(resolve_tower_devices(spec)):
        network = build_network(model)
    return Trainer(network, PaperSGD(0.005, **options))


def batches(count, size=BATCH):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, size, 224, 224, 3), np.uint8)
    labels = random.integers(0, 10, (count, size))
    return tf.data.Dataset.from_tensor_slices((images, labels))


class Step:
    """One executed training step.

    Attributes:
        nodes: of all devices' graphs, each with a short `device` "CPU:1".
        traced: the graph before placement, which knows static shapes.
    """

    def __init__(self, model, spec=PINS, **options):
        self.trainer = trainer_on(model, spec, **options)
        self._name_update_steps()
        self._keep_traced_graph()
        data = batches(1)
        # Only a function's first call is collected.
        with collected_graphs() as metadata:
            self.trainer.fit(data, shuffle=False, verbose=0)
        [graphs] = [
            function.partition_graphs
            for function in metadata.function_graphs
            if any("paper_sgd" in n.name for n in all_nodes(function))
        ]
        self.nodes = [node for graph in graphs for node in graph.node]
        self._by_place = {(n.device, n.name): n for n in self.nodes}

    def _name_update_steps(self):
        """Makes the names of an update's nodes tell which variable's."""
        optimizer = self.trainer.optimizer
        original = optimizer.update_step
        names = {
            variable.value.ref(): variable.path.replace("/", "_")
            for variable in self.trainer.trainable_variables
        }

        def update_step(gradient, variable, learning_rate):
            with tf.name_scope(f"update_{names[variable.ref()]}"):
                original(gradient, variable, learning_rate)

        optimizer.update_step = update_step

    def _keep_traced_graph(self):
        original = self.trainer.train_step

        def train_step(data):
            self.traced = tf.compat.v1.get_default_graph()
            return original(data)

        self.trainer.train_step = train_step

    def transfers(self):
        """(sender, receiver, name, shape) of each tensor that crosses."""
        for *transfer, _ in self.typed_transfers():
            yield tuple(transfer)

    def typed_transfers(self):
        """The same with the tensor's dtype."""
        for node in self.nodes:
            if node.op != "_Send":
                continue
            source = self._by_place[node.device, producer(node.input[0])]
            receiver = node.attr["recv_device"].s.decode()
            # Dummies that carry only the order of operations.
            if source.op == "Const" and "/ctrl/" in source.name:
                continue
            yield (
                short(node.device),
                short(receiver),
                plain(source.name),
                self._shape(node.input[0]),
                tf.as_dtype(node.attr["T"].type),
            )

    def _shape(self, tensor):
        """The static shape; None for an output that fusing has added."""
        name, _, number = tensor.partition(":")
        if plain(name) == "IteratorGetNext":
            return None  # outside of the step that was traced
        outputs = self.traced.get_operation_by_name(plain(name)).outputs
        number = int(number or 0)
        return tuple(outputs[number].shape) if number < len(outputs) else None


@contextlib.contextmanager
def collected_graphs():
    """Yields a RunMetadata that holds the graphs run in the block."""
    metadata = tf.compat.v1.RunMetadata()
    runtime = context.context()
    runtime.ensure_initialized()
    runtime.enable_graph_collection()
    try:
        yield metadata
        metadata.CopyFrom(runtime.export_run_metadata())
    finally:
        runtime.disable_graph_collection()


def all_nodes(function):
    return [node for graph in function.partition_graphs for node in graph.node]


def short(device):
    return device.rpartition("device:")[2]


def producer(tensor):
    return tensor.removeprefix("^").partition(":")[0]


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


def heavy_operations(step):
    """Devices of every heavy operation, by (layer, tower, kind)."""
    found = collections.defaultdict(list)
    for node in step.nodes:
        if kind(node):
            key = (*layer_and_tower(node), kind(node))
            found[key].append(short(node.device))
    return dict(found)


def expected_operations():
    """All of a training step's, each on its tower's device."""
    expected = {("lighting", None, "product"): ["CPU:0"]}
    for tower, device in enumerate(DEVICES):
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
    expected["fc8", 0, "product"] = [DEVICES[0]] * 4
    return expected


def allowed_shapes(trainer):
    """Of tensors that may cross: images, exchanged activations, logits."""
    network = trainer.network
    names = ("lighting", "pool2", "pool5", "drop6", "drop7", "fc8")
    tensors = [
        tensor
        for name in names
        for tensor in tf.nest.flatten(network.get_layer(name).output)
    ]
    shapes = {(BATCH, *tensor.shape[1:]) for tensor in tensors} | {()}
    of_weights = {tuple(v.shape) for v in network.trainable_variables}
    assert not shapes & of_weights  # or the check would prove nothing
    return shapes


@pytest.fixture(scope="module")
def step():
    """A step of the pinned network. Read only."""
    from configs import paper

    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = 10
    return Step(model)


def test_every_convolution_and_product_runs_on_its_tower(step):
    assert heavy_operations(step) == expected_operations()


def test_weights_and_velocities_live_on_their_towers(step):
    variables = step.trainer.network.trainable_variables
    velocities = step.trainer.optimizer.velocities
    assert len(variables) == len(velocities) == 30
    for variable, velocity in zip(variables, velocities, strict=True):
        device = DEVICES[int(variable.path[-1])]
        assert short(variable.value.device) == device, variable.path
        assert short(velocity.value.device) == device, velocity.path
        assert variable.path.replace("/", "_") in velocity.path


def test_every_update_is_computed_beside_its_weight(step):
    found = collections.defaultdict(set)
    for node in step.nodes:
        update = re.search(r"/update_(\w+_(\d))/", node.name)
        # The learning rate is read where it lives and sent as a scalar.
        if update and node.op not in ("Const", "ReadVariableOp", "_Recv"):
            if node.op != "_Send":
                assert short(node.device) == DEVICES[int(update[2])], node
            found[update[1]].add(node.op)
    names = {
        variable.path.replace("/", "_")
        for variable in step.trainer.network.trainable_variables
    }
    assert found.keys() == names
    for operations in found.values():
        # Decay into the velocity, then velocity and weight.
        assert operations >= {
            "ResourceApplyGradientDescent",
            "ResourceApplyKerasMomentum",
        }


def test_no_weight_and_no_weight_gradient_crosses(step):
    allowed = allowed_shapes(step.trainer)
    transfers = list(step.transfers())
    assert len(transfers) > 10
    for transfer in transfers:
        assert transfer[-1] in allowed, transfer


def test_only_what_figure_2_exchanges_crosses(step):
    """Every tensor that crosses but scalars, with its way."""
    get_layer = step.trainer.network.get_layer
    first, second = DEVICES
    default = "CPU:0"
    images = (BATCH, 224, 224, 3)
    logits = (BATCH, 10)
    expected = [(default, device, images) for device in DEVICES]
    for name in ("pool2", "pool5", "drop6"):
        shape = (BATCH, *get_layer(name).output[0].shape[1:])
        expected += [(first, second, shape), (second, first, shape)]
        # TensorFlow adds both towers' gradients on the default device.
        for device in DEVICES:
            expected += 2 * [(device, default, shape)]
            expected += [(default, device, shape)]
    # fc8 runs on the first tower alone.
    shape = (BATCH, *get_layer("drop7").output[0].shape[1:])
    expected += [(second, first, shape), (first, second, shape)]
    expected += [(first, default, logits), (default, first, logits)]
    crossing = [
        (sender, receiver, shape)
        for sender, receiver, _, shape in step.transfers()
        if shape != ()
    ]
    assert collections.Counter(crossing) == collections.Counter(expected)


@pytest.fixture(scope="module")
def step_of_2012():
    """One with what the 2012 code adds, conv1 under a schedule. Read only."""
    from configs import paper

    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = 10
    model.conv1_order = "lrn_pool_relu"
    model.same_map_norm.size = 5
    return Step(model, scheduled_layers=("conv1",))


def test_the_2012_codes_layers_send_no_more(step_of_2012):
    test_only_what_figure_2_exchanges_crosses(step_of_2012)
    test_no_weight_and_no_weight_gradient_crosses(step_of_2012)


def test_the_2012_codes_norm_runs_on_its_tower(step_of_2012):
    found = {
        (*layer_and_tower(node), "Grad" in node.op, short(node.device))
        for node in step_of_2012.nodes
        if "AvgPool" in node.op
    }
    assert found == {
        ("norm2", tower, is_gradient, device)
        for tower, device in enumerate(DEVICES)
        for is_gradient in (False, True)
    }


def only_forward_on_device(device, function, *tensors):
    """What `run_on` would be without its custom gradient."""
    with tf.device(device):
        return function(*tensors)


def test_gradients_on_the_default_device_would_be_found(
    monkeypatch, small_model
):
    for module in (towers, normalization):
        monkeypatch.setattr(module, "run_on", only_forward_on_device)
    step = Step(small_model)
    found = heavy_operations(step)
    for tower, device in enumerate(DEVICES):
        for layer in CONVOLUTIONS:
            assert found[layer, tower, "convolution"] == [device]
            assert found[layer, tower, "kernel gradient"] == ["CPU:0"]
    allowed = allowed_shapes(step.trainer)
    crossing = {shape for *_, shape in step.transfers()} - allowed
    weights = step.trainer.network.trainable_variables
    assert crossing >= {tuple(v.shape) for v in weights if len(v.shape) > 1}


def test_updates_on_the_default_device_would_be_found(monkeypatch, small_model):
    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, 0.9 * velocity - learning_rate * gradient)
        self.assign_add(variable, velocity)

    monkeypatch.setattr(PaperSGD, "update_step", update_step)
    step = Step(small_model)
    with pytest.raises(AssertionError):
        test_every_update_is_computed_beside_its_weight(step)
    with pytest.raises(AssertionError):
        test_no_weight_and_no_weight_gradient_crosses(step)


def weights_after_three_steps(model, spec):
    trainer = trainer_on(model, spec)
    start = {v.path: v.numpy() for v in trainer.network.trainable_variables}
    # Few images: at a tie of max pooling rounding decides who learns.
    trainer.fit(batches(3, size=2), shuffle=False, verbose=0)
    end = {v.path: v.numpy() for v in trainer.network.trainable_variables}
    return start, end


@pytest.fixture(scope="module")
def unpinned():
    """Weights of the unpinned network before and after three steps."""
    return weights_after_three_steps(model_with_signal(), "none")


def model_with_signal():
    """Narrow, with weights under which every layer has a gradient."""
    from configs import paper

    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = 10
    for name in model.weight_std:
        model.weight_std[name] = 0.01 if name == "conv1" else 0.05
    # Dropout halves what fc7 and fc8 read.
    model.weight_std.fc7 = model.weight_std.fc8 = 0.1
    return model


def test_three_steps_change_every_weight(unpinned):
    start, end = unpinned
    for path, before in start.items():
        # Ten times the tolerance below at the very least.
        assert np.abs(end[path] - before).max() > 1e-5, path


@pytest.mark.parametrize("spec", [PINS, "CPU:2,CPU:1", "CPU:1,CPU:1"])
def test_pinning_changes_no_weight(unpinned, spec):
    _, expected = unpinned
    _, pinned = weights_after_three_steps(model_with_signal(), spec)
    assert pinned.keys() == expected.keys()
    for path, weight in expected.items():
        error = np.abs(pinned[path] - weight).max()
        assert error <= 1e-6, path
