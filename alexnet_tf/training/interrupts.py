"""Ctrl-C and SIGTERM: stop with everything saved."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import keras

from alexnet_tf.training.state import State
from alexnet_tf.workers.alone import STOP, Workers


class Interrupted(KeyboardInterrupt):
    """The program was asked to stop.

    Attributes:
        exit_code: 130 after Ctrl-C, 0 after SIGTERM.
    """

    def __init__(self, number: int, where: str = "") -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}{where}")
        self.exit_code = 130 if number == signal.SIGINT else 0


class Interrupts:
    """Handles the signals while its `with` block runs.

    They raise `Interrupted` at once, but not in a `deferred` block: what runs
    there asks for `pending` where it can be stopped. A second Ctrl-C raises
    KeyboardInterrupt at once, wherever it comes.

    Attributes:
        pending: number of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.pending = None
        self._deferred = False
        self._previous = {}

    def __enter__(self) -> "Interrupts":
        # Python has signals in the main thread only.
        if threading.current_thread() is threading.main_thread():
            self._previous = {
                number: signal.signal(number, self._handle)
                for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        if self.pending is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.pending = number
        if not self._deferred:
            raise Interrupted(number)
        # The terminal may be gone, which is no reason not to save.
        with contextlib.suppress(OSError):
            print(
                f"{signal.Signals(number).name}: stopping after this step; "
                "Ctrl-C again stops at once, without saving",
                file=sys.stderr,
                flush=True,
            )

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Lets a block go on until it asks, or ends."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.pending is not None:
            raise Interrupted(self.pending)


class InterruptSaver(keras.callbacks.Callback):
    """Saves and raises `Interrupted` after the step in which a signal came.

    Several workers agree on that step. After the `StateKeeper` among the
    callbacks.

    Args:
        state: the `State` to save.
        interrupts: `Interrupts`, deferred.
        workers: `Alone`, or what this process trains together with.
    """

    def __init__(
        self, state: State, interrupts: Interrupts, workers: Workers
    ) -> None:
        super().__init__()
        self._state = state
        self._interrupts = interrupts
        self._workers = workers

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._workers.ask(STOP, self._interrupts.pending is not None)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_agreed()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_agreed()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._stop_if_agreed()

    def _stop_if_agreed(self) -> None:
        pending = self._interrupts.pending
        if not self._workers.agreed(STOP, pending is not None):
            return
        self._state.save()
        raise Interrupted(
            signal.SIGTERM if pending is None else pending,
            f" after {self._state.place}, all of it saved",
        )
