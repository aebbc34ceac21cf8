"""Three layers trained with either kind of dropout, against float64.

fc6, fc7 and fc8 with masks after the first two, as in the network, trained by
the paper's rule. Inverted dropout is another training, unless fc7 and fc8
start at half the deviation, learn at a quarter of the rate and decay four
times as much: then it is the same.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.training.optimizer import PaperSGD

BATCH, INPUTS, UNITS, CLASSES, STEPS = 8, 12, 10, 3, 40
LR, MOMENTUM, DECAY = 0.05, 0.9, 0.01
LAYERS = ("fc6", "fc7", "fc8")
PAPER, INVERTED = 1.0, 2.0  # what remains is multiplied by it in training


@pytest.fixture(scope="module")
def data():
    """Images [STEPS, BATCH, INPUTS] and their labels."""
    random = np.random.default_rng(0)
    images = random.normal(size=(STEPS, BATCH, INPUTS))
    return images, random.integers(0, CLASSES, (STEPS, BATCH))


@pytest.fixture(scope="module")
def start():
    """{layer: (kernel, bias)} in float64 that float32 holds, too."""
    random = np.random.default_rng(1)
    sizes = (INPUTS, UNITS, UNITS, CLASSES)
    return {
        name: (
            np.float32(random.normal(0, 0.5, (sizes[i], sizes[i + 1]))),
            np.float32(random.normal(0, 0.1, sizes[i + 1])),
        )
        for i, name in enumerate(LAYERS)
    }


@pytest.fixture(scope="module")
def masks():
    """[STEPS, 2, BATCH, UNITS], those of two layers with the seeds 6, 7."""
    layers = [TowerDropout(0.5, seed=seed, towers=1) for seed in (6, 7)]
    ones = [tf.ones((BATCH, UNITS))]
    return np.array(
        [
            [layer(ones, training=True)[0].numpy() > 0 for layer in layers]
            for _ in range(STEPS)
        ]
    )


def relu(x):
    return np.maximum(x, 0)


def trained(start, data, masks, factor, lr=None, decay=None):
    """Weights after STEPS steps in float64, gradients by hand.

    Args:
        start, data, masks: the fixtures.
        factor: `PAPER` or `INVERTED`.
        lr, decay: {layer: of its kernel}, where they are not LR and DECAY.
    """
    lr, decay = lr or {}, decay or {}
    weights = {
        name: [np.float64(array) for array in pair]
        for name, pair in start.items()
    }
    velocities = {name: [0 * a for a in pair] for name, pair in weights.items()}
    for images, labels, (mask6, mask7) in zip(*data, masks, strict=True):
        (w6, b6), (w7, b7), (w8, b8) = weights.values()
        z6 = images @ w6 + b6
        h6 = factor * mask6 * relu(z6)
        z7 = h6 @ w7 + b7
        h7 = factor * mask7 * relu(z7)
        z8 = h7 @ w8 + b8
        e = np.exp(z8 - z8.max(axis=1, keepdims=True))
        d8 = (
            e / e.sum(axis=1, keepdims=True) - np.eye(CLASSES)[labels]
        ) / BATCH
        d7 = (d8 @ w8.T) * factor * mask7 * (z7 > 0)
        d6 = (d7 @ w7.T) * factor * mask6 * (z6 > 0)
        for name, below, d in zip(
            LAYERS, (images, h6, h7), (d6, d7, d8), strict=True
        ):
            rates = (lr.get(name, LR), LR)
            decays = (decay.get(name, DECAY), DECAY)
            for i, gradient in enumerate((below.T @ d, d.sum(axis=0))):
                w, v = weights[name][i], velocities[name][i]
                v[:] = (
                    MOMENTUM * v
                    - decays[i] * rates[i] * w
                    - rates[i] * gradient
                )
                w += v
    return weights


def logits(weights, images, factor_at_test):
    """Of the test pass, in float64."""
    (w6, b6), (w7, b7), (w8, b8) = weights.values()
    h6 = factor_at_test * relu(images @ w6 + b6)
    h7 = factor_at_test * relu(h6 @ w7 + b7)
    return h7 @ w8 + b8


def halved(start):
    """The start of fc7's and fc8's kernels at half their size."""
    return {
        name: (kernel / (1 if name == "fc6" else 2), bias)
        for name, (kernel, bias) in start.items()
    }


def test_when_the_two_are_the_same_training(start, data, masks):
    images = data[0][0]
    paper = logits(trained(start, data, masks, PAPER), images, 0.5)
    same = trained(
        halved(start),
        data,
        masks,
        INVERTED,
        lr={"fc7": LR / 4, "fc8": LR / 4},
        decay={"fc7": 4 * DECAY, "fc8": 4 * DECAY},
    )
    np.testing.assert_allclose(logits(same, images, 1.0), paper, rtol=1e-9)
    # With the same numbers they are two trainings.
    other = logits(trained(start, data, masks, INVERTED), images, 1.0)
    assert np.abs(other - paper).max() > 0.5 * np.abs(paper).max()


def ours_trained(start, data, kind):
    """Our layers after the same steps, as a network."""
    image = keras.Input((INPUTS,))
    x = [image]
    for i, name in enumerate(LAYERS):
        last = name == "fc8"
        x = TowerDense(
            CLASSES if last else UNITS,
            towers=1,
            exchange=True,
            activation=None if last else "relu",
            name=name,
        )(x)
        if not last:
            x = TowerDropout(0.5, seed=6 + i, kind=kind, towers=1)(x)
    network = keras.Model(image, x[0])
    for name, (kernel, bias) in start.items():
        network.get_layer(name).kernels[0].assign(kernel)
        network.get_layer(name).biases[0].assign(bias)
    optimizer = PaperSGD(LR, momentum=MOMENTUM, weight_decay=DECAY)
    optimizer.build(network.trainable_variables)
    for images, labels in zip(*data, strict=True):
        with tf.GradientTape() as tape:
            output = network(images.astype(np.float32), training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, output)
            )
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
    return network


@pytest.mark.parametrize(
    ("kind", "factor", "at_test"),
    [("paper", PAPER, 0.5), ("inverted", INVERTED, 1.0)],
)
def test_ours_are_the_formulas(kind, factor, at_test, start, data, masks):
    network = ours_trained(start, data, kind)
    expected = trained(start, data, masks, factor)
    for name, (kernel, bias) in expected.items():
        layer = network.get_layer(name)
        for ours, theirs in ((layer.kernels, kernel), (layer.biases, bias)):
            np.testing.assert_allclose(ours[0], theirs, rtol=0, atol=2e-5)
            assert np.abs(theirs).max() > 0.05
    images = data[0][0]
    np.testing.assert_allclose(
        network(images.astype(np.float32)),
        logits(expected, images, at_test),
        rtol=0,
        atol=1e-4,
    )


def test_inverted_is_pytorchs(start, data, masks):
    """The first update, by PyTorch's own gradients of its own dropout."""
    torch = pytest.importorskip("torch")
    images, labels = data[0][:1], data[1][:1]
    tensors = {
        name: [
            torch.tensor(a.astype(np.float64), requires_grad=True) for a in p
        ]
        for name, p in start.items()
    }
    x = torch.tensor(images[0])
    for name, mask in zip(LAYERS, (*masks[0], None), strict=True):
        kernel, bias = tensors[name]
        x = x @ kernel + bias
        if mask is not None:
            # What nn.Dropout computes, with the mask given.
            x = torch.relu(x) * torch.tensor(mask) / (1 - 0.5)
    torch.nn.functional.cross_entropy(x, torch.tensor(labels[0])).backward()
    found = trained(start, (images, labels), masks[:1], INVERTED)
    for name, pair in tensors.items():
        for before, after in zip(pair, found[name], strict=True):
            w, g = before.detach().numpy(), before.grad.numpy()
            np.testing.assert_allclose(
                after, w - LR * (DECAY * w + g), rtol=1e-12, atol=1e-15
            )
