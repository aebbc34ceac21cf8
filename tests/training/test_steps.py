"""steps.csv: what is told of the updates while an epoch goes on."""

import json
import types

import pytest

from alexnet_tf.run.folder import Run
from alexnet_tf.run.progress import read_steps
from alexnet_tf.training import steps
from alexnet_tf.training.steps import StepLog


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""
    found = types.SimpleNamespace(now=0.0)
    fake = types.SimpleNamespace(
        monotonic=lambda: found.now, time=lambda: 1e9 + found.now
    )
    monkeypatch.setattr(steps, "time", fake)
    return found


class Training:
    """Calls a `StepLog` as Keras does: losses are 1, 2, 3, ... in an epoch."""

    def __init__(self, path, clock, per_epoch, epoch=0, step=0):
        self.run, self.clock, self.per_epoch = Run(path), clock, per_epoch
        self.epoch, self.step = epoch, step
        self.log = StepLog(
            self.run,
            epochs=2,
            steps_per_epoch=per_epoch,
            batch_size=10,
            done=lambda: (self.epoch, self.step),
        )
        optimizer = types.SimpleNamespace(present_lr=0.01)
        self.log.set_model(types.SimpleNamespace(optimizer=optimizer))
        self.log.on_train_begin()
        self.log.on_epoch_begin(epoch)

    def steps(self, count, seconds):
        for _ in range(count):
            self.clock.now += seconds
            done = self.step + 1
            mean = sum(range(1, done + 1)) / done
            self.log.on_train_batch_end(0, {"loss": mean, "top1_error": 0.5})
            self.step = done
        if self.step == self.per_epoch:
            self.epoch, self.step = self.epoch + 1, 0
            self.log.on_epoch_begin(self.epoch)

    def rows(self):
        return read_steps(self.run.steps_file)


def test_a_row_has_the_means_of_its_own_steps(tmp_path, clock):
    training = Training(tmp_path, clock, per_epoch=7)
    training.steps(7, seconds=0.4)
    rows = training.rows()
    # A row a second: after steps 3 and 6, and after the epoch's last.
    assert [row["update"] for row in rows] == [3, 6, 7]
    assert [row["loss"] for row in rows] == pytest.approx([2, 5, 7])
    assert rows[0]["images_per_second"] == pytest.approx(30 / 1.2, rel=1e-3)
    assert rows[0]["learning_rate"] == 0.01
    training.steps(7, seconds=2)
    assert [row["update"] for row in training.rows()[3:]] == [*range(8, 15)]
    plan = json.loads(training.run.plan_file.read_text())
    assert plan == {"epochs": 2, "steps_per_epoch": 7, "batch_size": 10}


def test_rows_of_updates_that_are_made_again_go(tmp_path, clock):
    Training(tmp_path, clock, per_epoch=4).steps(3, seconds=1)
    again = Training(tmp_path, clock, per_epoch=4, step=2)
    assert [row["update"] for row in again.rows()] == [1, 2]
    again.steps(2, seconds=1)
    # What the epoch's sums were before is known after the first step.
    assert [row["update"] for row in again.rows()] == [1, 2, 4]
    assert again.rows()[-1]["loss"] == pytest.approx(4)


def test_a_row_that_is_being_written_is_left_out(tmp_path, clock):
    training = Training(tmp_path, clock, per_epoch=4)
    training.steps(2, seconds=1)
    with open(training.run.steps_file, "a") as file:
        file.write("3,0,1.2")
    assert [row["update"] for row in training.rows()] == [1, 2]
