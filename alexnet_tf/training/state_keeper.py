"""When the state is saved."""

import time

import keras


class StateKeeper(keras.callbacks.Callback):
    """Keeps the `State` where training is, and saves it now and then.

    After every epoch, and within one every `every_steps` steps or, where that
    is 0, `every_minutes` minutes after the last time. After all callbacks
    whose state it saves.

    Args:
        state: a `State`, restored or new.
        every_steps, every_minutes: see configs/paper.py.
    """

    def __init__(self, state, every_steps, every_minutes):
        super().__init__()
        self._state = state
        self._every_steps = every_steps
        self._every_seconds = 60 * every_minutes
        self._last_time = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self._state.restore_metrics()

    def on_train_batch_end(self, batch, logs=None):
        self._state.step += 1
        if self._is_due():
            self._state.save()
            self._last_time = time.monotonic()

    def _is_due(self):
        if self._every_steps:
            return self._state.step % self._every_steps == 0
        # Not time.time(): the clock on the wall may be set back or forward.
        return time.monotonic() - self._last_time >= self._every_seconds

    def on_test_begin(self, logs=None):
        self._state.hold_metrics()

    def on_epoch_end(self, epoch, logs=None):
        self._state.end_epoch(logs["val_top1_error"])
        self._last_time = time.monotonic()
