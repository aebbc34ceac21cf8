"""The progress bar of training."""

import keras

from alexnet_tf.progress import ProgressReport


class TrainingProgress(keras.callbacks.Callback):
    """Shows images done, images/s, time left, loss and top-1 error.

    Args:
        epochs: number of epochs planned.
        batch_size: images in a batch.
    """

    def __init__(self, epochs, batch_size):
        super().__init__()
        self._epochs = epochs
        self._batch_size = batch_size
        self._report = None

    def on_epoch_begin(self, epoch, logs=None):
        self._report = ProgressReport(
            f"epoch {epoch + 1}/{self._epochs}",
            self.params["steps"] * self._batch_size,
        )
        self._report.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        self._report.advance(
            self._batch_size,
            f"loss {logs['loss']:.3f}, top-1 error {logs['top1_error']:.3f}",
        )

    def on_test_begin(self, logs=None):
        self.close()

    def close(self):
        """Ends the bar, also when training was interrupted."""
        if self._report:
            self._report.__exit__(None, None, None)
            self._report = None
