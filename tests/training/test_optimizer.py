"""The update rule against numpy in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.trainer import Trainer

STEPS = 50
DROP = 25
RATE = 0.05
MOMENTUM = 0.9
# Takes about a quarter of a weight in 25 steps at this rate.
DECAY = 0.03
SHAPES = ((6, 4), (4,))  # a kernel and a bias


def random_start():
    random = np.random.default_rng(0)
    weights = [random.normal(size=shape) for shape in SHAPES]
    gradients = [
        [random.normal(0, 0.3, shape) for shape in SHAPES] for _ in range(STEPS)
    ]
    # What float32 holds, so that only the arithmetic can differ.
    as_float32 = np.float32
    return (
        [as_float32(w).astype(np.float64) for w in weights],
        [[as_float32(g).astype(np.float64) for g in gs] for gs in gradients],
    )


def paper_rule(bias_lr_multiplier=1.0, decay_biases=True, momentum=MOMENTUM):
    """Weights after v <- m v - wd lr w - lr g; w <- w + v (section 5)."""
    weights, gradients = random_start()
    velocities = [np.zeros_like(w) for w in weights]
    for step in range(STEPS):
        rate = RATE if step < DROP else RATE / 10
        for i, is_bias in enumerate((False, True)):
            lr = rate * bias_lr_multiplier if is_bias else rate
            wd = 0.0 if is_bias and not decay_biases else DECAY
            velocities[i] = (
                momentum * velocities[i]
                - wd * lr * weights[i]
                - lr * gradients[step][i]
            )
            weights[i] = weights[i] + velocities[i]
    return weights


def optimized(optimizer):
    """Weights as Keras variables after the same steps."""
    weights, gradients = random_start()
    variables = [keras.Variable(w, dtype="float32") for w in weights]
    optimizer.build(variables)
    for step in range(STEPS):
        if step == DROP:
            optimizer.learning_rate = RATE / 10
        optimizer.apply([np.float32(g) for g in gradients[step]])
    return [variable.numpy() for variable in variables]


def largest_error(ours, expected):
    return max(
        np.abs(x - y).max() / np.abs(y).max()
        for x, y in zip(ours, expected, strict=True)
    )


@pytest.mark.parametrize("decay_biases", [True, False])
@pytest.mark.parametrize("bias_lr_multiplier", [1.0, 2.0])
def test_follows_the_paper(bias_lr_multiplier, decay_biases):
    options = {
        "bias_lr_multiplier": bias_lr_multiplier,
        "decay_biases": decay_biases,
    }
    optimizer = PaperSGD(RATE, momentum=MOMENTUM, weight_decay=DECAY, **options)
    expected = paper_rule(**options)
    assert largest_error(optimized(optimizer), expected) <= 1e-6


def test_follows_the_paper_without_momentum():
    found = optimized(PaperSGD(RATE, momentum=0.0, weight_decay=DECAY))
    assert largest_error(found, paper_rule(momentum=0.0)) <= 1e-6


def test_defaults_are_the_values_of_the_paper():
    optimizer = PaperSGD()
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert optimizer.momentum == 0.9
    assert optimizer.decay == 0.0005


@pytest.mark.parametrize(
    "other",
    [
        # Its decay is not part of the velocity.
        lambda: keras.optimizers.SGD(
            RATE, momentum=MOMENTUM, weight_decay=DECAY
        ),
        lambda: keras.optimizers.SGD(RATE, momentum=MOMENTUM),
        lambda: PaperSGD(RATE, momentum=MOMENTUM, weight_decay=2 * DECAY),
    ],
    ids=["keras decoupled decay", "no decay", "twice the decay"],
)
def test_another_rule_fails_the_same_comparison(other):
    assert largest_error(optimized(other()), paper_rule()) > 0.01


@pytest.mark.parametrize("changed", ["bias_lr_multiplier", "decay_biases"])
def test_the_options_act_on_biases_alone(changed):
    plain = optimized(PaperSGD(RATE, momentum=MOMENTUM, weight_decay=DECAY))
    value = {"bias_lr_multiplier": 2.0, "decay_biases": False}[changed]
    other = optimized(
        PaperSGD(
            RATE, momentum=MOMENTUM, weight_decay=DECAY, **{changed: value}
        )
    )
    np.testing.assert_array_equal(plain[0], other[0])
    assert np.abs(plain[1] - other[1]).max() > 0.01


def test_options_survive_serialization():
    options = {
        "momentum": 0.8,
        "weight_decay": 0.001,
        "bias_lr_multiplier": 2.0,
        "decay_biases": False,
    }
    optimizer = PaperSGD(0.02, **options)
    config = keras.optimizers.serialize(optimizer)
    copy = keras.optimizers.deserialize(config)
    assert isinstance(copy, PaperSGD)
    assert float(copy.learning_rate) == pytest.approx(0.02)
    for name, value in options.items():
        attribute = "decay" if name == "weight_decay" else name
        assert getattr(copy, attribute) == value


@pytest.mark.slow
def test_weight_files_of_the_trainer_hold_the_velocities(tmp_path, small_model):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, 224, 224, 3), np.uint8)
    labels = np.arange(4)

    def trainer(seed):
        network = build_network(small_model, seed)
        return Trainer(network, PaperSGD(0.001))

    def steps(trainer, count):
        batch = tf.data.Dataset.from_tensors((images, labels))
        trainer.fit(batch.repeat(count), shuffle=False, verbose=0)

    def state(trainer):
        variables = trainer.network.weights + trainer.optimizer.velocities
        return {variable.path: variable.numpy() for variable in variables}

    saved, loaded = trainer(seed=0), trainer(seed=0)
    steps(saved, 2)
    file = tmp_path / "trainer.weights.h5"
    saved.save_weights(file)
    loaded.load_weights(file)
    for trainer in (saved, loaded):
        assert all(v.numpy().any() for v in trainer.optimizer.velocities)
        assert int(trainer.optimizer.iterations) == 2
    # With a lost velocity, or another mask, the next step would differ.
    steps(saved, 1)
    steps(loaded, 1)
    expected = state(saved)
    for path, array in state(loaded).items():
        np.testing.assert_array_equal(array, expected[path], err_msg=path)


def test_a_layer_may_have_its_own_decay():
    """Without a gradient a weight is w plus the sum of its velocities."""
    layers = [keras.layers.Dense(3, name=name) for name in ("conv1", "local3")]
    network = keras.Sequential([keras.Input((2,)), *layers])
    for layer in layers:
        layer.bias.assign([1.0, 2.0, 3.0])
    before = [np.float64(weight) for weight in network.get_weights()]
    optimizer = PaperSGD(
        RATE,
        momentum=MOMENTUM,
        weight_decay=DECAY,
        decay_biases=False,
        layer_decays=[("local3", 0.2)],
    )
    optimizer.build(network.trainable_variables)
    for _ in range(3):
        optimizer.apply([tf.zeros_like(w) for w in network.trainable_variables])
    decays = [DECAY, 0.0, 0.2, 0.0]
    for w, decay, found in zip(
        before, decays, network.get_weights(), strict=True
    ):
        velocity = np.zeros_like(w)
        for _ in range(3):
            velocity = MOMENTUM * velocity - decay * RATE * w
            w = w + velocity
        np.testing.assert_allclose(found, w, rtol=1e-6)
