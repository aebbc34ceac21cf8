"""Layers that do not learn, and those that learn at another rate."""

import re

import numpy as np
import pytest

from alexnet_tf.layers.tower_weights import is_bias, layer_of
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.placement import GraphCollection, nodes_of_step
from alexnet_tf.training.trainer import Trainer
from tests.slow import slow
from tests.training.narrow import fit, narrow_network, random_batches

CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")
PINS = "CPU:1,CPU:2"
DECAY = 0.03
# Gradients of convolutions and pools, whatever the library.
BACKWARD = re.compile(r"Conv2DBackprop|MaxPoolGrad")


def arrays(trainer):
    """{path: (weight, velocity)}."""
    weights = trainer.network.trainable_variables
    return {
        v.path: (v.numpy(), velocity.numpy())
        for v, velocity in zip(
            weights, trainer.optimizer.velocities, strict=True
        )
    }


def steps(frozen, devices="none", precision="float32", count=1, **options):
    """Trains; returns the trainer, `arrays` before, and the first's nodes."""
    network = narrow_network(precision, devices)
    optimizer = PaperSGD(0.02, weight_decay=DECAY)
    trainer = Trainer(network, optimizer, frozen=frozen, **options)
    for number, velocity in enumerate(optimizer.velocities):
        velocity.assign(np.full(velocity.shape, 1e-4 * (number + 1)))
    before = arrays(trainer)
    images, labels = random_batches(count, 6)
    with GraphCollection() as collection:
        fit(trainer, (images, labels))
    return trainer, before, nodes_of_step(trainer, collection.functions)


def products(nodes, layer):
    """How many matrix products, forward and backward, are a layer's."""
    return sum(
        "MatMul" in node.op and f"/{layer}_1/" in f"/{node.name}/"
        for node in nodes
    )


def assert_frozen(trainer, before):
    after = arrays(trainer)
    for path, old in before.items():
        frozen = path.split("/")[-2] in trainer.frozen
        for one, other in zip(after[path], old, strict=True):
            assert np.array_equal(one, other) == frozen, path


@pytest.mark.parametrize(
    ("devices", "precision", "options"),
    [
        ("none", "float32", {}),
        (PINS, "bfloat16", {"accumulate": 2}),
        slow(PINS, "float32", {}),
        slow("none", "float16", {}),
    ],
)
def test_nothing_goes_backward_below_the_lowest_that_learns(
    devices, precision, options
):
    trainer, before, nodes = steps(
        CONVOLUTIONS, devices, precision, count=2, **options
    )
    assert_frozen(trainer, before)
    assert not [n.name for n in nodes if BACKWARD.search(n.op)]
    # Products: forward, gradients of kernel and biases; only fc7 has a fourth,
    # what its input should have been.
    per_tower = [products(nodes, layer) / 2 for layer in ("fc6", "fc7")]
    assert per_tower == [3, 4]


@pytest.mark.slow
def test_compiled_by_xla_it_is_the_same_step():
    plain, before, _ = steps(CONVOLUTIONS)
    compiled, _, _ = steps(CONVOLUTIONS, xla=True)
    assert_frozen(compiled, before)
    theirs = arrays(plain)
    for path, (weight, _) in arrays(compiled).items():
        np.testing.assert_allclose(
            weight, theirs[path][0], rtol=0, atol=1e-6, err_msg=path
        )


def test_a_whole_step_goes_backward():
    """The other test sees what it looks for."""
    _, _, nodes = steps(())
    assert sum("Conv2DBackprop" in node.op for node in nodes) >= 5
    assert products(nodes, "fc6") / 2 == 4


def test_frozen_above_the_lowest_and_the_same_step_for_the_rest():
    full, _, _ = steps(())
    trainer, before, _ = steps(("conv2", "fc8"))
    assert_frozen(trainer, before)
    theirs = arrays(full)
    for path, (weight, _) in arrays(trainer).items():
        if path.split("/")[-2] not in trainer.frozen:
            moved = theirs[path][0] - before[path][0]
            error = np.abs(weight - theirs[path][0]).max()
            assert error <= 1e-5 * np.abs(moved).max(), path


def test_multipliers_against_numpy_over_a_drop():
    network = narrow_network()
    optimizer = PaperSGD(
        0.02,
        weight_decay=DECAY,
        bias_lr_multiplier=2.0,
        scheduled_layers=("conv3",),
        lr_multipliers=(
            *(("conv1", 0.1), ("conv3", 4.0), ("fc7.bias", 0.5)),
            *(("fc8", 10.0), ("fc8.bias", 7.0)),
        ),
    )
    layers = ("conv1", "conv2", "conv3", "fc7", "fc8")
    variables = [
        v for v in network.trainable_variables if layer_of(v) in layers
    ]
    optimizer.build(variables)
    factors = {"conv1": (0.1, 0.1), "conv3": (4, 4), "fc7": (1, 0.5)}
    factors["fc8"] = (10, 7)
    weights = [v.numpy().astype(np.float64) for v in variables]
    velocities = [np.zeros_like(w) for w in weights]
    random = np.random.default_rng(1)
    for step in range(20):
        rate = 0.02 if step < 10 else 0.002
        if step == 10:
            optimizer.learning_rate = rate
        if step == 15:
            optimizer.set_layer_lr("conv3", 0.003)
        gradients = [
            random.normal(0, 0.1, v.shape).astype(np.float32) for v in variables
        ]
        optimizer.apply(gradients, variables)
        for i, variable in enumerate(variables):
            name = layer_of(variable)
            of_kernels, of_biases = factors.get(name, (1, 1))
            lr = rate * of_kernels
            if is_bias(variable):
                lr = 2 * rate * of_biases
            if name == "conv3" and step >= 15:
                lr = 0.006 if is_bias(variable) else 0.003
            gradient = gradients[i].astype(np.float64)
            velocities[i] *= 0.9
            velocities[i] -= DECAY * lr * weights[i] + lr * gradient
            weights[i] += velocities[i]
    for variable, expected in zip(variables, weights, strict=True):
        error = np.abs(variable.numpy() - expected).max()
        assert error <= 1e-6 * np.abs(expected).max(), variable.path
