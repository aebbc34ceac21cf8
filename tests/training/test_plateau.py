"""The drops of the learning rate."""

import math

import keras
import numpy as np
import pytest

from alexnet_tf.training.schedule import DropsByHand, PlateauDrops


class Model:
    """What the callback touches of a model."""

    def __init__(self, lr):
        self.optimizer = keras.optimizers.SGD(lr)
        self.stop_training = False


def plateau(model, **changes):
    settings = {
        "factor": 0.1,
        "patience": 2,
        "min_improvement": 0.01,
        "drops": 3,
    } | changes
    callback = PlateauDrops(**settings)
    callback.set_model(model)
    callback.on_train_begin()
    return callback


def lr_after(callback, errors, first_epoch=0):
    """The learning rate after each epoch, until training stops."""
    rates = []
    for epoch, error in enumerate(errors, first_epoch):
        callback.on_epoch_end(epoch, {"val_top1_error": error})
        rates.append(float(callback.model.optimizer.learning_rate))
        if callback.model.stop_training:
            break
    return rates


@pytest.mark.parametrize("monitor", ["balanced_accuracy", "macro_f1"])
def test_it_may_watch_what_is_to_rise(monitor):
    callback = plateau(Model(0.01), monitor=monitor, patience=1)
    rates = []
    for epoch, value in enumerate([0.1, 0.3, 0.305, 0.4, 0.4]):
        # The top-1 error, which falls all the time, is not watched.
        logs = {f"val_{monitor}": value, "val_top1_error": 0.9 - epoch / 10}
        callback.on_epoch_end(epoch, logs)
        rates.append(float(callback.model.optimizer.learning_rate))
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001])


def test_three_drops_then_stop():
    model = Model(0.01)
    rates = lr_after(plateau(model), [0.5] * 20)
    assert rates == pytest.approx(
        [1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5]
    )
    assert model.stop_training


def test_improvement_puts_a_drop_off():
    errors = [0.5, 0.5, 0.45, 0.45, 0.40, 0.395, 0.30]
    # 0.395 improves on 0.40 by less than 0.01.
    rates = lr_after(plateau(Model(0.01)), errors)
    assert rates == pytest.approx([0.01] * 7)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("step", [0.001, 0.01])
def test_a_decrease_of_just_that_much_counts(step, precision):
    """Wherever it is on the way from 1 to 0, and however it was rounded."""
    for first in np.arange(0.1, 1, 0.013):
        errors = [float(precision(first - i * step)) for i in range(6)]
        callback = plateau(Model(0.01), min_improvement=step, patience=1)
        assert lr_after(callback, errors) == pytest.approx([0.01] * 6), first


def test_a_decrease_of_less_does_not():
    for first in np.arange(0.1, 1, 0.013):
        # Of one image in 50,000 less.
        errors = [first, first - 0.001 + 1 / 50_000]
        callback = plateau(Model(0.01), min_improvement=0.001, patience=1)
        assert lr_after(callback, errors) == pytest.approx([0.01, 0.001])


def test_without_a_smallest_improvement_any_counts_but_none_does_not():
    callback = plateau(Model(0.01), min_improvement=0.0, patience=1)
    rates = lr_after(callback, [0.5, 0.49998, 0.49996, 0.49996])
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.001])


def test_nan_is_no_best():
    model = Model(0.01)
    rates = lr_after(plateau(model), [math.nan, 0.5, 0.4, 0.3, math.nan, 0.3])
    assert rates == pytest.approx([0.01] * 5 + [0.001])
    restored = PlateauDrops(0.1, 2, 0.01, 3)
    restored.set_model(model)
    restored.restore(
        {"wait": 1, "best": math.nan, "drops_done": 1, "finished": False}
    )
    restored.on_train_begin()
    assert lr_after(restored, [0.5, 0.5]) == pytest.approx([0.001] * 2)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 3), (2, 5)])
def test_an_ended_run_goes_on_with_more_drops(before, after):
    """As a run does that had so many from the beginning."""
    whole = lr_after(plateau(Model(0.01), drops=after), [0.5] * 30)
    first = plateau(Model(0.01), drops=before)
    rates = lr_after(first, [0.5] * 30)
    assert first.finished
    again = PlateauDrops(0.1, 2, 0.01, before)
    again.restore(first.saved_state())
    assert again.finished
    second = PlateauDrops(0.1, 2, 0.01, after)
    second.restore(first.saved_state())
    assert not second.finished
    second.set_model(Model(rates[-1]))
    for _ in range(2):  # `fit` may be called more than once
        second.on_train_begin()
    # The rate after the epoch that ended it is the dropped one now.
    rates[-1] = float(second.model.optimizer.learning_rate)
    rates += lr_after(second, [0.5] * 30, len(rates))
    assert rates == pytest.approx(whole)


def test_a_restored_plateau_goes_on_counting():
    whole = lr_after(plateau(Model(0.01)), [0.5] * 20)
    for stop in range(1, len(whole)):
        first = plateau(Model(0.01))
        rates = lr_after(first, [0.5] * stop)
        second = PlateauDrops(0.1, 2, 0.01, 3)
        second.set_model(Model(rates[-1]))
        second.restore(first.saved_state())
        second.on_train_begin()
        rates += lr_after(second, [0.5] * 20, stop)
        assert rates == pytest.approx(whole), stop


def test_no_drops_means_stop_at_the_first_plateau():
    model = Model(0.01)
    assert lr_after(plateau(model, drops=0), [0.5] * 9) == pytest.approx(
        [0.01] * 3
    )
    assert model.stop_training


def test_drops_by_hand_come_after_their_epochs():
    callback = DropsByHand(0.1, (2, 3))
    callback.set_model(Model(0.01))
    assert lr_after(callback, [0.5] * 5) == pytest.approx(
        [1e-2, 1e-3, 1e-4, 1e-4, 1e-4]
    )
