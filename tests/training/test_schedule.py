"""Learning rates of single layers, of biases, and the end of lighting."""

import keras
import numpy as np
import pytest

from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import FOLLOWS_LR, PaperSGD
from alexnet_tf.training.schedule import (
    Schedule,
    layer_lrs_at,
    scheduled_layers,
)
from alexnet_tf.training.trainer import Trainer

CHANGES = (("conv1", 4, 0.0), ("conv1", 2, 0.05), ("fc8", 3, 0.5))
LR, BIAS_LR, MOMENTUM, DECAY = 0.1, 0.2, 0.9, 0.03


@pytest.mark.parametrize(
    ("epoch", "conv1", "fc8"),
    [
        (0, FOLLOWS_LR, FOLLOWS_LR),
        (1, FOLLOWS_LR, FOLLOWS_LR),
        (2, 0.05, FOLLOWS_LR),
        (3, 0.05, 0.5),
        (4, 0.0, 0.5),
        (90, 0.0, 0.5),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_changes_come_after_their_epochs(epoch, conv1, fc8, as_json):
    changes = [list(change) for change in CHANGES] if as_json else CHANGES
    assert layer_lrs_at(changes, epoch) == {"conv1": conv1, "fc8": fc8}
    assert scheduled_layers(changes) == ("conv1", "fc8")


def made_up(epochs):
    """Weights of two layers and their gradients in each epoch, float32."""
    random = np.random.default_rng(0)
    arrays = random.normal(size=(epochs + 1, 2, 2, 6)).astype(np.float32)
    return arrays[0], arrays[1:]  # [layer, kernel or bias, 6]


def by_formula(epochs, bias_lr):
    """The same steps in float64; also each layer's last velocities."""
    start, gradients = made_up(epochs)
    w, v = start.astype(float), np.zeros(start.shape)
    for epoch in range(epochs):
        conv1 = LR if epoch < 2 else 0.05 if epoch < 4 else None
        fc8 = LR if epoch < 3 else 0.5
        for layer, lr in enumerate((conv1, fc8)):
            if lr is None:
                continue  # frozen
            for part, rate in enumerate((lr, bias_lr or lr)):
                v[layer, part] = (
                    MOMENTUM * v[layer, part]
                    - DECAY * rate * w[layer, part]
                    - rate * gradients[epoch, layer, part]
                )
                w[layer, part] += v[layer, part]
    return w, v


@pytest.mark.parametrize("bias_lr", [0.0, BIAS_LR])
@pytest.mark.parametrize("epochs", [2, 3, 4, 7])
def test_layers_follow_their_own_rates(bias_lr, epochs):
    start, gradients = made_up(epochs)
    variables = []
    for layer, (kernel, bias) in zip(("conv1", "fc8"), start, strict=True):
        with keras.name_scope(layer):
            # A bias is what has one axis.
            variables.append(keras.Variable(kernel[:, None], name="kernel_0"))
            variables.append(keras.Variable(bias, name="bias_0"))
    optimizer = PaperSGD(
        LR,
        momentum=MOMENTUM,
        weight_decay=DECAY,
        bias_lr=bias_lr,
        scheduled_layers=scheduled_layers(CHANGES),
    )
    optimizer.build(variables)
    for epoch in range(epochs):
        for layer, lr in layer_lrs_at(CHANGES, epoch).items():
            optimizer.set_layer_lr(layer, lr)
        assert optimizer.is_frozen("conv1") == (epoch >= 4)
        optimizer.apply(
            [
                g.reshape(v.shape)
                for g, v in zip(
                    gradients[epoch].reshape(4, 6), variables, strict=True
                )
            ]
        )
    for ours, expected in zip(
        (variables, optimizer.velocities),
        by_formula(epochs, bias_lr),
        strict=True,
    ):
        ours = np.stack([np.ravel(v) for v in ours]).reshape(expected.shape)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("bias_lr", "expected"), [(0.02, 0.002), (0.0, 1e-5)])
def test_a_layers_rate_leaves_a_bias_lr_its_factor(bias_lr, expected):
    optimizer = PaperSGD(
        bias_lr=bias_lr,
        scheduled_layers=("conv1",),
        lr_multipliers=(("conv1", 0.1),),
    )
    optimizer.set_layer_lr("conv1", 1e-5)
    rates = [float(r) for r in optimizer.rates("conv1", np.float32(0.01))]
    assert rates == pytest.approx([1e-5, expected])


def test_options_survive_serialization():
    optimizer = PaperSGD(bias_lr=0.02, scheduled_layers=("conv1",))
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert copy.bias_lr == 0.02
    copy.set_layer_lr("conv1", 0.0)
    assert copy.is_frozen("conv1")
    assert not copy.is_frozen("fc8")


def test_lighting_ends_and_begins_again(small_model):
    network = build_network(small_model)
    lighting = network.get_layer("lighting")
    lighting.set_principal_components(np.eye(3), np.array([8e4, 4e4, 2e4]))
    schedule = Schedule(lighting_epochs=2)
    schedule.set_model(Trainer(network, PaperSGD()))
    images = np.full((2, 8, 8, 3), 100, np.float32)
    for epoch, is_lit in ((0, True), (1, True), (2, False), (7, False), (1, 1)):
        schedule.on_epoch_begin(epoch)
        lit = lighting(images, training=True).numpy()
        assert np.any(lit != images) == is_lit, epoch
