"""Ctrl-C and SIGTERM."""

import os
import signal
import threading

import pytest

from alexnet_tf.training.interrupts import (
    Interrupted,
    Interrupts,
    InterruptSaver,
)
from alexnet_tf.workers.alone import Alone

BOTH = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)]
)


class State:
    saves = 0
    place = "2 epochs and 3 steps"

    def save(self):
        self.saves += 1


def send(number):
    os.kill(os.getpid(), number)


def stop_of(program):
    """What stops a function of (interrupts)."""
    with pytest.raises(BaseException) as stop, Interrupts() as interrupts:  # noqa: PT011
        program(interrupts)
    return stop.value


@BOTH
def test_a_signal_stops_the_program_where_it_is(number, code):
    stop = stop_of(lambda interrupts: send(number))
    assert isinstance(stop, Interrupted)
    assert stop.exit_code == code
    assert str(stop) == f"stopped by {signal.Signals(number).name}"


@BOTH
def test_a_deferred_one_waits_for_the_end_of_the_step(number, code):
    state = State()
    steps = []

    def program(interrupts):
        saver = InterruptSaver(state, interrupts, Alone())
        with interrupts.deferred():
            for batch in range(5):
                if batch == 2:
                    send(number)
                steps.append(batch)
                saver.on_train_batch_end(batch)

    stop = stop_of(program)
    assert isinstance(stop, Interrupted)
    assert stop.exit_code == code
    assert "2 epochs and 3 steps" in str(stop)
    assert steps == [0, 1, 2]
    assert state.saves == 1


def test_one_that_nobody_asked_about_stops_at_the_end_of_the_block():
    reached = []

    def program(interrupts):
        with interrupts.deferred():
            send(signal.SIGTERM)
            reached.append("end of the block")
        reached.append("after it")

    assert isinstance(stop_of(program), Interrupted)
    assert reached == ["end of the block"]


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_stops_at_once(first):
    reached = []

    def program(interrupts):
        with interrupts.deferred():
            send(first)
            reached.append("after the first")
            send(signal.SIGINT)
            reached.append("after the second")

    assert type(stop_of(program)) is KeyboardInterrupt
    assert reached == ["after the first"]


def test_a_second_sigterm_changes_nothing():
    reached = []

    def program(interrupts):
        with interrupts.deferred():
            send(signal.SIGTERM)
            send(signal.SIGTERM)
            reached.append("after the second")

    stop = stop_of(program)
    assert reached
    assert stop.exit_code == 0


def test_a_fault_after_a_signal_is_not_hidden():
    def program(interrupts):
        with interrupts.deferred():
            send(signal.SIGTERM)
            raise ValueError("fault")

    assert str(stop_of(program)) == "fault"


def test_the_handlers_before_come_back():
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) not in before
    after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert after == before


def test_other_threads_do_without():
    entered = []

    def enter():
        with Interrupts() as interrupts:
            entered.append(interrupts)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered
