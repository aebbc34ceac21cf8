"""The drops of the learning rate."""

import keras
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
