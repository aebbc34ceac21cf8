"""Ctrl-C and SIGTERM: stop between two steps, with everything saved."""

import contextlib
import signal
import sys

import keras


class Interrupted(Exception):
    """Training stopped because of a signal; the state has been saved.

    Attributes:
        signal: its number.
    """

    def __init__(self, number):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number


class InterruptSaver(keras.callbacks.Callback):
    """Saves and raises `Interrupted` after the step in which a signal came.

    A second Ctrl-C stops at once, without saving. After the `StateKeeper`
    among the callbacks.

    Args:
        state: the `State` to save.
    """

    def __init__(self, state):
        super().__init__()
        self._state = state
        self._signal = None

    @contextlib.contextmanager
    def listening(self):
        """Handles the signals while the block runs."""
        previous = {
            number: signal.signal(number, self._remember)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _remember(self, number, frame):
        if self._signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number
        print(
            f"{signal.Signals(number).name}: stopping after this step or "
            "validation; Ctrl-C again stops at once, without saving",
            file=sys.stderr,
            flush=True,
        )

    def on_train_batch_end(self, batch, logs=None):
        epoch_ends = batch + 1 == self.params["steps"]
        if self._signal is not None and not epoch_ends:
            self._state.save()
            raise Interrupted(self._signal)

    def on_epoch_end(self, epoch, logs=None):
        if self._signal is not None:
            raise Interrupted(self._signal)
