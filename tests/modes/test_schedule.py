"""Runs whose schedule changes between epochs, in one go and resumed."""

import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from alexnet_tf.training.state import StateKeeper
from modes import export, train
from tests.training.run_contents import (
    assert_same_run,
    assert_same_weights,
    history,
    state_weights,
)

STEPS = 3  # of an epoch
# What configs/original2012.py does in 91 epochs.
OF_2012 = {
    "data.limit": 12 * STEPS,
    "data.crop_shared_by": 4,
    "model.conv1_order": "lrn_pool_relu",
    "model.same_map_norm.size": 5,
    "model.lighting.scale": "square_roots",
    "model.lighting.divisor": 1.1,
    "train.bias_lr": 0.002,
    "train.decay_biases": False,
    "train.lr_drop_epochs": (1,),
    "train.layer_lrs": (("conv1", 1, 1e-4), ("conv1", 2, 0.0)),
    "train.lighting_epochs": 2,
}


@pytest.fixture(scope="module")
def run_of_2012(tmp_path_factory, options_for):
    """Folder of a run of three epochs. Read only."""
    run = tmp_path_factory.mktemp("original2012") / "run"
    assert train.main(options_for(run, **OF_2012)) == 0
    return run


def conv1_kernels_and_velocities(run):
    arrays = {
        name: array
        for name, array in state_weights(run).items()
        if array.shape[:2] == (11, 11)
    }
    assert len(arrays) == 4  # of two towers
    return arrays


@pytest.mark.slow
def test_a_run_resumed_across_every_change_is_exact(
    tmp_path, options_for, run_of_2012, monkeypatch
):
    run = tmp_path / "run"
    assert train.main(options_for(run, **OF_2012, **{"train.epochs": 2})) == 0
    frozen = conv1_kernels_and_velocities(run)

    # In the third epoch conv1 is frozen and there is no lighting.
    steps = []
    original = StateKeeper.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        original(self, batch, logs)
        steps.append(batch)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(StateKeeper, "on_train_batch_end", on_train_batch_end)
    for _ in range(2):
        longer = options_for(run)
        longer.overrides = {"train.epochs": 3}
        assert train.main(longer) == 0
    assert len(steps) == STEPS
    assert_same_run(run, run_of_2012)
    assert_same_weights(conv1_kernels_and_velocities(run), frozen)


@pytest.mark.slow
def test_conv1_moves_less_then_not_at_all(run_of_2012):
    first, second, third = (
        float(row["update_ratio/conv1"]) for row in history(run_of_2012)
    )
    assert first > second > third == 0


@pytest.mark.slow
def test_the_exported_model_answers_as_keras_does(tmp_path, run_of_2012):
    trained = load_trained(Run(run_of_2012))
    random = np.random.default_rng(5)
    tiles = random.integers(0, 256, (3, 8, 8, 3), np.uint8)
    images = tiles.repeat(32, axis=1).repeat(32, axis=2)
    expected = ten_crop_probabilities(trained.network, images, trained.crop)
    assert np.ptp(expected, axis=0).max() > 1e-3
    options = Options(
        config=None, run=str(run_of_2012), export_dir=str(tmp_path)
    )
    assert export.main(options) == 0
    loaded = tf.saved_model.load(tmp_path / "1")
    answer = loaded.signatures["images"](images=tf.constant(images))
    np.testing.assert_allclose(
        answer["probabilities"], expected, rtol=0, atol=1e-5
    )
