"""A run folder that can no longer be written."""

import subprocess

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.training.epoch_report import TrainingProgress
from modes import train
from tests.training.conftest import small_disk  # noqa: F401
from tests.training.run_contents import assert_same_run


def test_a_run_that_cannot_be_begun(small_disk, options_for):  # noqa: F811
    small_disk.set_writable(False)
    with pytest.raises(UserError, match="Read-only file system") as refused:
        train.main(options_for(small_disk.path / "run"))
    assert "\n" not in str(refused.value)
    small_disk.set_writable(True)


@pytest.fixture
def make_read_only(tmp_path):
    """Function that lets a folder only be read; returns its undoing.

    What is open stays so. Root may write where permissions say no, but not
    where a mount does.
    """
    mounted = []

    def undo():
        while mounted:
            subprocess.run(["umount", "--lazy", mounted.pop()], check=True)

    def make(folder):
        for command in (
            ["mount", "--bind", folder, folder],
            ["mount", "-o", "remount,bind,ro", folder],
        ):
            subprocess.run(command, check=True, capture_output=True)
        mounted.append(folder)
        return undo

    probe = tmp_path / "probe"
    probe.mkdir()
    try:
        make(probe)()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    yield make
    undo()


@pytest.mark.slow
def test_a_run_in_the_middle(
    tmp_path, options_for, finished_run, make_read_only, monkeypatch
):
    run = tmp_path / "run"
    undo, steps = [], []

    def on_train_batch_end(self, batch, logs=None):
        steps.append(batch)
        if len(steps) == 9:  # the third of the second epoch
            undo.append(make_read_only(run))

    options = options_for(run, **{"train.save_every_steps": 2})
    with monkeypatch.context() as patch:
        patch.setattr(
            TrainingProgress, "on_train_batch_end", on_train_batch_end
        )
        with pytest.raises(UserError, match="Read-only file system") as stopped:
            train.main(options)
    message = str(stopped.value)
    assert "\n" not in message
    assert f"--mode=train --run={run}" in message
    assert len(steps) == 9  # the tenth is saved, and shown after that
    undo[0]()
    assert train.main(options) == 0
    assert_same_run(run, finished_run)
