"""The average of the weights: what it is, and what it is used for."""

import keras
import numpy as np
import pytest

from alexnet_tf.run.folder import Run
from alexnet_tf.training.schedule import DropsByHand
from alexnet_tf.training.state import State
from tests.training.narrow import (
    LR,
    fit,
    narrow_network,
    narrow_trainer,
    random_batches,
    weights,
)

DECAY = 0.3  # four steps tell it from (1 + t) / (10 + t)
STEPS = 4
PINS = "CPU:1,CPU:2"


def averages(trainer):
    """{path of the weight: its average}."""
    with trainer.average.scope():
        return {
            v.path: np.array(v) for v in trainer.network.trainable_variables
        }


@pytest.fixture(scope="module", params=["none", PINS])
def followed(request):
    """A trainer, and its weights before and after each step."""
    trainer = narrow_trainer(
        devices=request.param,
        weight_average=DECAY,
        accumulate=2,
        frozen=("conv2",),
    )
    seen = [weights(trainer)]
    remember = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(weights(trainer))
    )
    fit(trainer, random_batches(STEPS, 4), callbacks=[remember])
    return trainer, seen


def test_it_is_the_moving_average_in_float64(followed):
    trainer, seen = followed
    for path, found in averages(trainer).items():
        expected = seen[0][path].astype(np.float64)
        for step, after in enumerate(seen[1:], 1):
            decay = min(DECAY, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * after[path]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
        learns = "/conv2/" not in f"/{path}"
        assert np.array_equal(found, seen[-1][path]) != learns, path


def test_it_is_what_is_validated_and_kept_as_best(followed, tmp_path):
    trainer, seen = followed
    run = Run(tmp_path)
    run.best_weights.parent.mkdir(parents=True)
    state = State(run=run, trainer=trainer, drops=DropsByHand(0.1, ()), lr=LR)
    state.save_best(0.5)
    network = narrow_network()
    network.load_weights(run.best_weights)
    expected = averages(trainer)
    for variable in network.trainable_variables:
        assert np.array_equal(variable, expected[variable.path])

    images, labels = (batch[0] for batch in random_batches(1, 6))
    logits = network(images, training=False).numpy().astype(np.float64)
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax /= softmax.sum(axis=1, keepdims=True)
    found = trainer.evaluate(images, labels, verbose=0, return_dict=True)
    losses = -np.log(softmax[np.arange(len(labels)), labels])
    assert found["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    after = weights(trainer)
    assert all(np.array_equal(after[path], seen[-1][path]) for path in after)
