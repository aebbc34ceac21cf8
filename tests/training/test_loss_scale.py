"""Loss scaling of float16: overflow, growth, weight files."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.training.loss_scale import (
    FIRST_SCALE,
    OVERFLOW_UNSCALED,
    STEPS_TO_DOUBLE,
    LossScale,
)
from alexnet_tf.workers.alone import Alone
from tests.training.narrow import (
    fit,
    largest_difference,
    narrow_trainer,
    random_batches,
    weights,
)


class Multiplied(Alone):
    """Multiplies the gradient of the last bias; the loss is what it was."""

    def __init__(self, factor):
        self.factor = tf.Variable(factor, trainable=False)

    def average_gradients(self, gradients, variables, loss, **_):
        return [*gradients[:-1], gradients[-1] * self.factor], loss


def state(trainer):
    """(scale, steps without overflow)."""
    return tuple(float(v) for v in trainer.loss_scale.variables)


def draw_indices(trainer):
    """Of dropout and lighting."""
    return [v for v in trainer.network.weights if "draws" in v.path]


@pytest.fixture(scope="module")
def batch():
    """One batch. Read only."""
    return random_batches(1, 4)


@pytest.mark.slow
def test_an_overflow_leaves_the_step_out_and_halves_the_scale(batch):
    workers = Multiplied(np.inf)
    trainer = narrow_trainer("float16", workers=workers)
    before = weights(trainer)
    metrics = fit(trainer, batch)
    assert np.isfinite(metrics["loss"])
    assert largest_difference(weights(trainer), before) == 0
    assert not any(v.numpy().any() for v in trainer.optimizer.velocities)
    assert state(trainer) == (FIRST_SCALE / 2, 0)
    # The next step is another one: its draws are not drawn again.
    assert {int(i) for i in draw_indices(trainer)} == {1}
    workers.factor.assign(1.0)
    fit(trainer, batch)
    assert state(trainer) == (FIRST_SCALE / 2, 1)
    after = weights(trainer)
    assert all(np.any(after[path] != before[path]) for path in before)


@pytest.mark.slow
def test_gradients_that_overflow_unscaled_are_an_error(batch):
    trainer = narrow_trainer("float16", workers=Multiplied(np.nan))
    before = weights(trainer)
    steps = int(np.log2(FIRST_SCALE))
    for _ in range(steps):
        fit(trainer, batch)
    assert state(trainer) == (1, 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match=OVERFLOW_UNSCALED):
        fit(trainer, batch)
    assert largest_difference(weights(trainer), before) == 0


@pytest.mark.slow
def test_the_scale_grows_after_many_good_steps():
    scale = LossScale()
    for step in range(2 * STEPS_TO_DOUBLE + 1):
        doublings = step // STEPS_TO_DOUBLE
        assert float(scale.variables[0]) == FIRST_SCALE * 2**doublings
        assert int(scale.variables[1]) == step % STEPS_TO_DOUBLE
        scale.follow(tf.constant(True))


@pytest.mark.slow
def test_the_scale_cancels_in_the_update(batch):
    """A power of two is exact until something overflows or vanishes."""
    after = []
    for scale in (2.0**10, 2.0**13):
        trainer = narrow_trainer("float16")
        trainer.loss_scale.variables[0].assign(scale)
        fit(trainer, batch)
        after.append(weights(trainer))
    assert largest_difference(*after) < 1e-5


@pytest.mark.parametrize("other", ["float32", "bfloat16"])
@pytest.mark.slow
def test_files_of_other_precisions_load(tmp_path, batch, other):
    file = tmp_path / "trainer.weights.h5"
    saved, loaded = narrow_trainer("float16"), narrow_trainer(other)
    fit(saved, batch)
    saved.loss_scale.variables[0].assign(64.0)
    saved.save_weights(file)
    again = narrow_trainer("float16")
    again.load_weights(file)
    assert state(again) == (64, 1)
    loaded.load_weights(file)
    assert largest_difference(weights(loaded), weights(saved)) == 0
    loaded.save_weights(file)
    back = narrow_trainer("float16")
    back.load_weights(file)
    assert state(back) == (FIRST_SCALE, 0)
    assert largest_difference(weights(back), weights(saved)) == 0
