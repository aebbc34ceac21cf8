"""Where a training step really runs, and that it does not change the result.

Read from the graphs that the runtime executed, after placement and
optimization: what `tf.device` asked for says little about gradients.
"""

import collections

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers import normalization, tower_weights, towers
from alexnet_tf.layers.towers import placement, resolve_tower_devices
from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.placement import short
from alexnet_tf.training.trainer import Trainer
from benchmarks.executed_step import (
    CONVOLUTIONS,
    UPDATE,
    ExecutedStep,
    allowed_shapes,
    expected_operations,
    flat_name,
    layer_and_tower,
)
from tests.slow import slow

BATCH = 5
PINS = "CPU:1,CPU:2"
DEVICES = ("CPU:1", "CPU:2")  # of tower 0 and 1
DEFAULT = "CPU:0"
IMAGES = (BATCH, 224, 224, 3)


def trainer_on(model, spec, weight_average=0.0, **options):
    with placement(resolve_tower_devices(spec)):
        network = build_network(model)
    optimizer = PaperSGD(0.005, **options)
    return Trainer(network, optimizer, weight_average=weight_average)


def batches(count, size=BATCH):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, size, 224, 224, 3), np.uint8)
    labels = random.integers(0, 10, (count, size))
    return tf.data.Dataset.from_tensor_slices((images, labels))


def step_of(model, **options):
    """An `ExecutedStep` of the pinned network."""
    return ExecutedStep(trainer_on(model, PINS, **options), batches(1))


@pytest.fixture(scope="module")
def step():
    """A step of the pinned network. Read only."""
    from configs import paper

    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = 10
    return step_of(model)


def test_every_convolution_and_product_runs_on_its_tower(step):
    expected = expected_operations(DEVICES, DEFAULT)
    assert step.heavy_operations() == expected


def test_weights_and_velocities_live_on_their_towers(step):
    variables = step.trainer.network.trainable_variables
    velocities = step.trainer.optimizer.velocities
    assert len(variables) == len(velocities) == 30
    for variable, velocity in zip(variables, velocities, strict=True):
        device = DEVICES[int(variable.path[-1])]
        assert short(variable.value.device) == device, variable.path
        assert short(velocity.value.device) == device, velocity.path
        assert flat_name(variable) in velocity.path


def test_every_update_is_computed_beside_its_weight(step):
    found = step.updates()
    variables = step.trainer.network.trainable_variables
    assert found.keys() == {flat_name(variable) for variable in variables}
    for name, operations in found.items():
        device = DEVICES[int(name[-1])]
        assert {place for _, place in operations} == {device}, name
        # Decay into the velocity, then velocity and weight.
        assert {operation for operation, _ in operations} >= set(UPDATE)


def test_no_weight_and_no_weight_gradient_crosses(step):
    allowed = allowed_shapes(step.trainer, BATCH)
    transfers = step.transfers()
    assert len(transfers) > 10
    for transfer in transfers:
        assert transfer.shape in allowed, transfer


def test_only_what_figure_2_exchanges_crosses(step):
    """Every tensor that crosses but scalars, with its way."""
    get_layer = step.trainer.network.get_layer
    first, second = DEVICES
    logits = (BATCH, 10)
    expected = []
    for device in DEVICES:
        # The crops as they are, the mean image, what the lighting adds.
        expected += [
            (DEFAULT, device, IMAGES, tf.uint8),
            (DEFAULT, device, IMAGES[1:], tf.float32),
            (DEFAULT, device, (BATCH, 3), tf.float32),
        ]
    for name in ("pool2", "pool5", "drop6"):
        shape = (BATCH, *get_layer(name).output[0].shape[1:])
        # There, and the gradients back to where they are added.
        expected += 2 * [(first, second, shape, tf.float32)]
        expected += 2 * [(second, first, shape, tf.float32)]
    # fc8 runs on the first tower alone.
    shape = (BATCH, *get_layer("drop7").output[0].shape[1:])
    expected += [(second, first, shape, tf.float32)]
    expected += [(first, second, shape, tf.float32)]
    expected += [(first, DEFAULT, logits, tf.float32)]
    expected += [(DEFAULT, first, logits, tf.float32)]
    crossing = [
        (sender, receiver, shape, dtype)
        for sender, receiver, _, shape, dtype in step.transfers()
        if shape != ()
    ]
    assert collections.Counter(crossing) == collections.Counter(expected)


def test_an_image_crosses_as_bytes(step):
    """Bytes an image from the default device to the second tower."""
    way = DEFAULT, DEVICES[1]
    sizes = [
        np.prod(transfer.shape) * transfer.dtype.size
        for transfer in step.transfers()
        if (transfer.sender, transfer.receiver) == way
    ]
    crop = 224 * 224 * 3
    of_batch = BATCH * (crop + 3 * 4)
    rate = 4
    assert sum(sizes) == of_batch + crop * 4 + rate


@pytest.fixture(scope="module")
def step_of_2012():
    """One with what the 2012 code adds, conv1 under a schedule. Read only."""
    from configs import paper

    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = 10
    model.conv1_order = "lrn_pool_relu"
    model.same_map_norm.size = 5
    return step_of(model, scheduled_layers=("conv1",))


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


@pytest.mark.slow
def test_gradients_on_the_default_device_would_be_found(
    monkeypatch, small_model
):
    for module in (towers, normalization):
        monkeypatch.setattr(module, "run_on", only_forward_on_device)
    step = step_of(small_model)
    found = step.heavy_operations()
    for tower, device in enumerate(DEVICES):
        for layer in CONVOLUTIONS:
            assert found[layer, tower, "convolution"] == [device]
            assert found[layer, tower, "kernel gradient"] == [DEFAULT]
    allowed = allowed_shapes(step.trainer, BATCH)
    crossing = {transfer.shape for transfer in step.transfers()} - allowed
    weights = step.trainer.network.trainable_variables
    assert crossing >= {tuple(v.shape) for v in weights if len(v.shape) > 1}


@pytest.mark.slow
def test_sums_on_the_default_device_would_be_found(monkeypatch, small_model):
    monkeypatch.setattr(
        tower_weights, "shared", lambda _, x, count: [x] * count
    )
    with pytest.raises(AssertionError):
        test_only_what_figure_2_exchanges_crosses(step_of(small_model))


@pytest.mark.slow
def test_updates_on_the_default_device_would_be_found(monkeypatch, small_model):
    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, 0.9 * velocity - learning_rate * gradient)
        self.assign_add(variable, velocity)

    monkeypatch.setattr(PaperSGD, "update_step", update_step)
    step = step_of(small_model)
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


@pytest.mark.parametrize(
    "spec", [PINS, slow("CPU:2,CPU:1"), slow("CPU:1,CPU:1")]
)
def test_pinning_changes_no_weight(unpinned, spec):
    _, expected = unpinned
    _, pinned = weights_after_three_steps(model_with_signal(), spec)
    assert pinned.keys() == expected.keys()
    for path, weight in expected.items():
        error = np.abs(pinned[path] - weight).max()
        assert error <= 1e-6, path
