"""A run whose disk fills up."""

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.training.epoch_report import TrainingProgress
from modes import train
from tests.training.run_contents import assert_same_run


@pytest.fixture
def fill_disk_in_step(monkeypatch):
    """Function that fills a disk in the n-th step from now."""

    def arrange(disk, step, leaving):
        left = [step]

        def on_train_batch_end(self, batch, logs=None):
            left[0] -= 1
            if left[0] == 0:
                disk.fill(leaving)

        monkeypatch.setattr(
            TrainingProgress, "on_train_batch_end", on_train_batch_end
        )

    return arrange


@pytest.mark.slow
def test_training_stops_and_goes_on_when_there_is_room_again(
    small_disk, options_for, finished_run, fill_disk_in_step
):
    run = small_disk.path / "run"
    options = options_for(run, **{"train.save_every_steps": 2})
    # The last of the epoch; after the validation, events are written first.
    fill_disk_in_step(small_disk, 6, leaving=0)
    with pytest.raises(UserError) as caught:
        train.main(options)
    message = str(caught.value)
    assert "No space left on device" in message
    assert f"--mode=train --run={run}" in message
    assert "\n" not in message
    small_disk.clear()
    fill_disk_in_step(small_disk, -1, leaving=0)
    assert train.main(options) == 0
    assert_same_run(run, finished_run)
