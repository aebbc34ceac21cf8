"""When the state is saved."""

import time

import keras

from alexnet_tf.training.workers import SAVE, Alone

ALONE = Alone()


class StateKeeper(keras.callbacks.Callback):
    """Keeps the `State` where training is, and saves it now and then.

    After every epoch, and within one every `every_steps` steps or, where that
    is 0, `every_minutes` minutes after the last time. After all callbacks
    whose state it saves.

    Args:
        state: a `State`, restored or new.
        every_steps, every_minutes: see configs/paper.py.
        workers: `Alone`, or those that save at the same steps.
    """

    def __init__(self, state, every_steps, every_minutes, workers=ALONE):
        super().__init__()
        self._state = state
        self._every_steps = every_steps
        self._every_seconds = 60 * every_minutes
        self._workers = workers
        self._last_time = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self._state.restore_metrics()

    def on_train_batch_begin(self, batch, logs=None):
        self._workers.ask(SAVE, self._is_time())

    def on_train_batch_end(self, batch, logs=None):
        self._state.step += 1
        if self._is_due():
            self._state.save()
            self._last_time = time.monotonic()

    def _is_due(self):
        if self._every_steps:
            return self._state.step % self._every_steps == 0
        return self._workers.agreed(SAVE, self._is_time())

    def _is_time(self):
        # Not time.time(): the clock on the wall may be set back or forward.
        return time.monotonic() - self._last_time >= self._every_seconds

    def on_test_begin(self, logs=None):
        self._state.hold_metrics()

    def on_epoch_end(self, epoch, logs=None):
        self._state.end_epoch(logs["val_top1_error"])
        self._last_time = time.monotonic()
