"""When the state is saved."""

import time

import pytest

from alexnet_tf.training.state import StateKeeper


class State:
    """Remembers at which steps it was saved."""

    def __init__(self, step=0):
        self.step = step
        self.saved = []

    def save(self):
        self.saved.append(self.step)

    def end_epoch(self, error):
        self.step = 0
        self.saved.append("epoch")


@pytest.fixture
def clock(monkeypatch):
    """[seconds]: what time.monotonic says."""
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


def train(keeper, clock, steps, seconds_per_step=60):
    for batch in range(steps):
        clock[0] += seconds_per_step
        keeper.on_train_batch_end(batch)


def test_every_so_many_steps_of_the_epoch(clock):
    state = State()
    keeper = StateKeeper(state, every_steps=3, every_minutes=1e-9)
    train(keeper, clock, 7)
    keeper.on_epoch_end(0, {"val_top1_error": 0.5})
    train(keeper, clock, 4)
    assert state.saved == [3, 6, "epoch", 3]


def test_a_resumed_run_saves_at_the_same_steps(clock):
    state = State(step=2)
    train(StateKeeper(state, 3, 1), clock, 5)
    assert state.saved == [3, 6]


def test_every_so_many_minutes_since_the_last_time(clock):
    state = State()
    keeper = StateKeeper(state, every_steps=0, every_minutes=2.5)
    train(keeper, clock, 7)
    keeper.on_epoch_end(0, {"val_top1_error": 0.5})
    train(keeper, clock, 4)
    assert state.saved == [3, 6, "epoch", 3]


def test_the_clock_on_the_wall_changes_nothing(clock, monkeypatch):
    wall = iter([1e9, 2e9, -5.0, 1e9, 3e9, 0.0, 7e9])
    monkeypatch.setattr(time, "time", lambda: next(wall))
    state = State()
    train(StateKeeper(state, every_steps=0, every_minutes=3), clock, 7)
    assert state.saved == [3, 6]
