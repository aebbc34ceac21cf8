"""Learning rates by formula, at every epoch of a run."""

import math
import os
import signal

import keras
import numpy as np
import pytest

from alexnet_tf.config import check_config
from alexnet_tf.errors import UserError
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.schedule import (
    ByFormula,
    WarmUp,
    lr_at,
    make_lr_drops,
    make_schedule,
)
from alexnet_tf.training.state import StateKeeper
from configs import paper
from modes import train
from tests.training.run_contents import assert_same_run, history


def schedule(kind, factor, levels=4):
    section = paper.get_config().train.lr_schedule
    section.kind, section.factor, section.levels = kind, factor, levels
    return section


def exponential(r, F, p):
    """The notebook's formula; r is not 1, where its logarithm is 0."""
    return r ** (1 + p * (math.log(r / F) / math.log(r) - 1))


def stepwise(r, F, steps, epoch, epochs):
    """Each rate for 1/steps of the run."""
    rates = [exponential(r, F, i / (steps - 1)) for i in range(steps)]
    return next(
        rate for i, rate in enumerate(rates) if epoch * steps < (i + 1) * epochs
    )


@pytest.mark.parametrize("epochs", [80, 90, 95, 3])
@pytest.mark.parametrize(
    ("r", "F", "steps"),
    [(0.01, 500, 4), (0.01, 250, 4), (0.01, 500, 5), (0.02, 10, 2)],
)  # experiments 169, 170, 171, and their biases
def test_stepwise_follows_the_notebook(r, F, steps, epochs):
    for epoch in range(epochs):
        assert lr_at(
            schedule("stepwise", F, steps), r, epoch, epochs
        ) == pytest.approx(stepwise(r, F, steps, epoch, epochs), rel=1e-12)


def test_the_levels_of_170():
    """0.01 to 0.00004 in four, equally far apart in the logarithm."""
    rates = [lr_at(schedule("stepwise", 250), 0.01, e, 95) for e in range(95)]
    ratio = 250 ** (1 / 3)
    assert sorted(set(rates)) == pytest.approx(
        [4e-5, 4e-5 * ratio, 0.01 / ratio, 0.01], rel=1e-9
    )
    lengths = [rates.count(rate) for rate in dict.fromkeys(rates)]
    assert lengths == [24, 24, 24, 23]


@pytest.mark.parametrize("epochs", [95, 80, 7])
def test_jumping_goes_half_a_level_back(epochs):
    """174: to the geometric mean with the level before, in the later half."""
    r, F, steps = 0.01, 500, 4
    for epoch in range(epochs):
        p = epoch / epochs
        expected = stepwise(r, F, steps, epoch, epochs)
        part = min(int(p * steps), steps - 1)
        if part and 0.2 < p < 0.9 and p > (part + 0.5) / steps:
            before = exponential(r, F, (part - 1) / (steps - 1))
            expected = math.sqrt(expected * before)
        assert lr_at(schedule("jumping", F), r, epoch, epochs) == pytest.approx(
            expected, rel=1e-12
        )


def test_jumping_differs_from_stepwise_where_it_should():
    different = [
        epoch
        for epoch in range(95)
        if lr_at(schedule("jumping", 500), 0.01, epoch, 95)
        != lr_at(schedule("stepwise", 500), 0.01, epoch, 95)
    ]
    # Later halves of 23.75 to 47.5 and 47.5 to 71.25; the last from 83.1 to
    # 85.5, where 0.9 of the run is over.
    assert different == [*range(36, 48), *range(60, 72), 84, 85]


@pytest.mark.parametrize("epochs", [90, 95])
def test_exponential_and_linear(epochs):
    for epoch in range(epochs):
        p = epoch / epochs
        assert lr_at(
            schedule("exponential", 4000), 0.02, epoch, epochs
        ) == pytest.approx(exponential(0.02, 4000, p), rel=1e-12)
        assert lr_at(
            schedule("linear", 1000), 0.01, epoch, epochs
        ) == pytest.approx(np.interp(p, [0, 1], [0.01, 1e-5]), rel=1e-12)


@pytest.mark.parametrize("epochs", [90, 7])
def test_cosine_is_keras(epochs):
    keras_schedule = keras.optimizers.schedules.CosineDecay(
        0.01, epochs, alpha=1 / 50
    )
    for epoch in range(epochs):
        assert lr_at(schedule("cosine", 50), 0.01, epoch, epochs) == (
            pytest.approx(float(keras_schedule(epoch)), rel=1e-5)
        )


def test_a_formula_and_drops_by_hand_are_refused():
    config = paper.get_config()
    config.train.lr_schedule.kind = "stepwise"
    check_config(config)
    config.train.lr_drop_epochs = (25,)
    with pytest.raises(UserError, match="is stepwise: beside it"):
        check_config(config)


class Model:
    """What a callback knows of a trainer."""

    def __init__(self, optimizer):
        self.optimizer = optimizer


def test_biases_follow_a_schedule_of_their_own():
    """Weights and biases against float64 numpy, over both schedules."""
    config = paper.get_config()
    settings = config.train
    settings.epochs, settings.lr, settings.bias_lr = 6, 0.1, 0.2
    settings.lr_schedule = schedule("stepwise", 50, 3)
    settings.bias_lr_schedule = schedule("stepwise", 10, 2)
    random = np.random.default_rng(0)
    start = random.normal(size=(2, 4)).astype(np.float32)
    gradients = random.normal(size=(6, 2, 4)).astype(np.float32)
    with keras.name_scope("fc8"):
        kernel = keras.Variable(start[0][:, None], name="kernel_0")
        bias = keras.Variable(start[1], name="bias_0")
    optimizer = PaperSGD(
        0.1, momentum=0.9, weight_decay=0.01, bias_lr=0.2, decay_biases=False
    )
    optimizer.build([kernel, bias])
    callbacks = [make_lr_drops(settings), make_schedule(settings)]
    w, v = start.astype(float), np.zeros((2, 4))
    for epoch in range(6):
        for callback in callbacks:
            callback.set_model(Model(optimizer))
            callback.on_epoch_begin(epoch)
        optimizer.apply([gradients[epoch, 0][:, None], gradients[epoch, 1]])
        rates = (0.1 * 50 ** -(epoch // 2 / 2), 0.2 * 10 ** -(epoch // 3))
        for i, (lr, decay) in enumerate(zip(rates, (0.01, 0), strict=True)):
            v[i] = 0.9 * v[i] - decay * lr * w[i] - lr * gradients[epoch, i]
            w[i] += v[i]
    for ours, expected in ((kernel, w[0]), (bias, w[1])):
        np.testing.assert_allclose(np.ravel(ours), expected, atol=2e-6)


def test_a_warm_up_is_of_all_rates():
    """Against float64 numpy: an lr, a layer's own and that of biases."""
    start = np.array([1.0, -2.0, 3.0])
    gradients = np.random.default_rng(0).normal(size=(6, 3))
    variables = []
    for name, value in zip(("fc6", "fc7"), start[:2], strict=True):
        with keras.name_scope(name):
            kernel = keras.Variable([[value]], name="kernel_0")
            variables.append(kernel)
    with keras.name_scope("fc7"):
        variables.append(keras.Variable(start[2:], name="bias_0"))
    optimizer = PaperSGD(
        0.1,
        momentum=0.9,
        weight_decay=0.01,
        bias_lr=0.2,
        scheduled_layers=("fc7",),
        warms_up=True,
    )
    optimizer.build(variables)
    optimizer.set_layer_lr("fc7", 0.05)
    done = [0]
    warm_up = WarmUp(4, lambda: done[0])
    warm_up.set_model(Model(optimizer))
    w, v, lr = start.copy(), np.zeros(3), np.array([0.1, 0.05, 0.2])
    for step, gradient in enumerate(gradients):
        done[0] = step
        warm_up.on_train_batch_begin(0)  # Keras counts anew after a resume
        told = optimizer.present_lr
        assert told == pytest.approx(0.1 * min(1, (step + 1) / 4))
        shapes = [variable.shape for variable in variables]
        optimizer.apply(
            [
                np.full(shape, g, np.float32)
                for shape, g in zip(shapes, gradient, strict=True)
            ]
        )
        rate = lr * min(1, (step + 1) / 4)
        v = 0.9 * v - 0.01 * rate * w - rate * gradient
        w = w + v
    np.testing.assert_allclose(
        [float(np.ravel(variable)[0]) for variable in variables], w, rtol=1e-6
    )


def test_the_formula_needs_no_state():
    callback = ByFormula(schedule("stepwise", 250), 0.01, 95)
    assert callback.saved_state() == {}
    assert not callback.finished


OPTIONS = {
    "train.epochs": 3,
    "train.bias_lr": 0.004,
    "train.lr_schedule.kind": "stepwise",
    "train.lr_schedule.factor": 100.0,
    "train.lr_schedule.levels": 3,
    "train.bias_lr_schedule.kind": "exponential",
    "train.warmup_epochs": 1.6,  # of 6 steps: 10
}


@pytest.fixture(scope="module")
def run_by_formula(tmp_path_factory, options_for):
    """Folder of a run of three epochs. Read only."""
    run = tmp_path_factory.mktemp("formula") / "run"
    assert train.main(options_for(run, **OPTIONS)) == 0
    return run


@pytest.mark.slow
def test_a_run_logs_the_rates(run_by_formula):
    rates = [float(row["learning_rate"]) for row in history(run_by_formula)]
    assert rates == pytest.approx([0.003, 0.0005, 0.00005], rel=1e-5)


# Quick: the resumed run of tests/workers/test_imbalance.py warms up, too.
@pytest.mark.slow
def test_a_run_resumed_within_an_epoch_is_exact(
    tmp_path, options_for, run_by_formula, monkeypatch
):
    steps = []
    original = StateKeeper.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        original(self, batch, logs)
        steps.append(batch)
        if len(steps) == 8:  # within the second epoch
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(StateKeeper, "on_train_batch_end", on_train_batch_end)
    run = tmp_path / "run"
    for _ in range(2):
        assert train.main(options_for(run, **OPTIONS)) == 0
    assert_same_run(run, run_by_formula)
