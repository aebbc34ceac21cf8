"""Runs that were stopped, and go on as if they had not been."""

import os
import shutil
import signal

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.lock import locked
from alexnet_tf.terminal.progress import ProgressReport
from alexnet_tf.training.interrupts import InterruptSaver
from alexnet_tf.training.trainer import Trainer
from modes import evaluate, train
from tests.slow import slow
from tests.training.run_contents import (
    assert_same_run,
    assert_same_weights,
    history,
    state_weights,
)


@pytest.fixture
def signal_in(monkeypatch):
    """Function that sends this process a signal in a phase of the program.

    (number, phase, count): at the count-th report of the progress of that
    name, or batch of the validation.
    """

    def arrange(number, phase, count):
        left = [count]

        def send():
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), number)

        def advance(self, *arguments):
            original_advance(self, *arguments)
            if self.what == phase:
                send()

        def on_test_batch_end(self, batch, logs=None):
            if phase == "validation":
                send()
            original_test_batch_end(self, batch, logs)

        monkeypatch.setattr(ProgressReport, "advance", advance)
        monkeypatch.setattr(
            InterruptSaver, "on_test_batch_end", on_test_batch_end
        )

    original_advance = ProgressReport.advance
    original_test_batch_end = InterruptSaver.on_test_batch_end
    return arrange


STOPS = [
    (signal.SIGTERM, "mean image", 1, ""),
    # the last step of the epoch
    (signal.SIGINT, "epoch 1/3", 6, "0 epochs and 6 steps"),
    # of that epoch, which has two batches
    (signal.SIGTERM, "validation", 1, "0 epochs and 6 steps"),
    (signal.SIGINT, "epoch 2/3", 2, "1 epoch and 2 steps"),
    (signal.SIGTERM, "10-crop test", 1, ""),
]


@pytest.mark.parametrize("stops", [STOPS[3:], slow(STOPS)])
def test_a_run_stopped_in_every_phase_goes_on_as_if_it_had_not_been(
    tmp_path, options_for, finished_run, signal_in, capsys, monkeypatch, stops
):
    run = tmp_path / "run"
    for number, phase, count, place in stops:
        signal_in(number, phase, count)
        code = train.main(options_for(run))
        assert code == (130 if number == signal.SIGINT else 0)
        assert not (run / "evaluation.json").exists()
        last_line = capsys.readouterr().out.splitlines()[-1]
        assert last_line.startswith(f"stopped by {signal.Signals(number).name}")
        assert last_line.endswith(f"python main.py --mode=train --run={run}")
        assert last_line.partition(" after ")[2].partition(",")[0] == place
    # All that is left is the test.
    monkeypatch.setattr(Trainer, "train_step", None)
    assert train.main(options_for(run)) == 0
    assert_same_run(run, finished_run)


def test_a_run_in_use_is_refused_but_can_be_evaluated(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    with locked(Run(run)):
        with pytest.raises(UserError, match=f"process {os.getpid()} on"):
            train.main(Options(config=None, run=str(run)))
        assert evaluate.main(Options(config=None, run=str(run), crops=1)) == 0


# Quick: test_parts_and_precision_may_change_in_a_run adds an epoch, too, and
# the run stopped in every phase is compared bit for bit.
@pytest.mark.slow
def test_more_epochs_continue_a_finished_run(
    tmp_path, options_for, finished_run
):
    run = tmp_path / "run"
    assert train.main(options_for(run, **{"train.epochs": 1})) == 0
    longer = options_for(run)
    longer.overrides = {"train.epochs": 3}
    assert train.main(longer) == 0
    assert_same_weights(state_weights(run), state_weights(finished_run))


@pytest.mark.slow
def test_values_that_no_step_is_made_with_are_not_written(
    tmp_path, options_for, finished_run, capsys
):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    trained = (run / "config.json").read_bytes()
    weights = state_weights(run)
    options = options_for(run)
    options.overrides = {
        "train.lr": 0.25,
        "train.frozen": ("conv1",),
        "train.epochs": 2,
    }
    assert train.main(options) == 0
    assert (run / "config.json").read_bytes() == trained
    assert_same_weights(state_weights(run), weights)
    [line] = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("nothing is left to train after 3 epochs")
    ]
    for part in ("train.lr 0.25 (it is 0.005)", "train.frozen", "epochs 2"):
        assert part in line
    # With a step to make, they are the run's.
    options.overrides |= {"train.epochs": 4}
    assert train.main(options) == 0
    values = Run(run).read_config().train
    assert (values.lr, values.epochs, list(values.frozen)) == (
        *(0.25, 4),
        ["conv1"],
    )


@pytest.mark.slow
def test_fewer_epochs_end_a_run_that_has_them(
    tmp_path, options_for, finished_run
):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    longer = options_for(run)
    config = Run(run).read_config()
    config.train.epochs = 9
    Run(run).write_config(config)
    longer.overrides = {"train.epochs": 1}
    assert train.main(longer) == 0
    assert Run(run).read_config().train.epochs == len(history(run)) == 3


def test_another_network_is_refused(tmp_path, options_for, finished_run):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    wider = options_for(run, **{"model.width": 1 / 8})
    wider.config_given = True
    with pytest.raises(UserError, match=r"model.width is 0.0625 there"):
        train.main(wider)


def test_changed_images_are_refused_on_resume(
    tmp_path, options_for, finished_run
):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    statistics = run / "statistics.npz"
    with np.load(statistics) as arrays:
        fields = {**arrays, "fingerprint": "of other images"}
    np.savez(statistics, **fields)
    longer = options_for(run)
    longer.overrides = {"train.epochs": 4}
    with pytest.raises(UserError, match="measured on other data"):
        train.main(longer)


def test_a_refused_resume_leaves_the_run_as_it_was(
    tmp_path, options_for, finished_run, other_classes
):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    dataset = (run / "dataset.json").read_text()
    options = options_for(run)
    options.data_dir = str(other_classes)
    with pytest.raises(UserError, match=r"trained on .* red, .* scarlet"):
        train.main(options)
    assert (run / "dataset.json").read_text() == dataset


@pytest.mark.slow
def test_a_run_that_ended_at_a_plateau_stays_ended(
    tmp_path, options_for, capsys
):
    run = tmp_path / "run"
    changes = {
        "train.epochs": 9,
        "train.lr_drops": 0,
        "train.patience": 1,
        "train.min_improvement": 1.0,  # nothing improves that much
    }
    assert train.main(options_for(run, **changes)) == 0
    ended = history(run)
    assert len(ended) < 9
    assert train.main(options_for(run)) == 0
    assert history(run) == ended


@pytest.mark.parametrize(
    "file",
    ["config.json", "dataset.json", "statistics.npz"],
)
def test_a_damaged_file_is_named(tmp_path, options_for, finished_run, file):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    (run / file).write_bytes((run / file).read_bytes()[:20])
    with pytest.raises(UserError, match=f"{file} cannot be read"):
        train.main(options_for(run))
