"""TensorBoard's events: the numbers of every epoch."""

import keras
import tensorflow as tf


class Events(keras.callbacks.Callback):
    """Writes an epoch's logs, on the disk before the state is saved.

    Validation goes to `validation/`, all else to `train/`. Keras' own callback
    keeps up to two minutes of events in memory, which a killed run loses.

    Args:
        run: a `Run`.
    """

    def __init__(self, run):
        super().__init__()
        self._run = run
        self._writers = {}

    def on_epoch_end(self, epoch, logs=None):
        with self._run.saving():
            try:
                self._write(epoch, logs)
            except tf.errors.OpError as error:
                # "FILE; REASON", then what could not be done in consequence.
                reason = error.message.splitlines()[0].rpartition("; ")[2]
                raise OSError(reason) from None

    def _write(self, epoch, logs):
        for name, value in logs.items():
            split = "validation" if name.startswith("val_") else "train"
            with self._writer(split).as_default():
                tf.summary.scalar(
                    f"epoch_{name.removeprefix('val_')}", value, epoch
                )
        for writer in self._writers.values():
            writer.flush()

    def _writer(self, split):
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(
                str(self._run.events_folder / split)
            )
        return self._writers[split]
