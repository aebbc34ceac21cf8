"""What an epoch needs to go on after `fit` ended with an error."""

import keras


class TrainingMetrics(keras.callbacks.Callback):
    """Saves the metrics of an epoch from validation and from `fit`.

    Validation uses their variables, and `fit` begins by resetting them.
    """

    def __init__(self):
        super().__init__()
        self._kept = []

    def on_epoch_begin(self, epoch, logs=None):
        self._put_back()
        self._kept = []

    def on_test_begin(self, logs=None):
        self._keep()

    def on_epoch_end(self, epoch, logs=None):
        self._kept = []

    def hold(self):
        """After an error: back to those of training, now and in the next
        `fit`, which goes on with the epoch."""
        if self._kept:
            self._put_back()
        else:
            self._keep()

    def _keep(self):
        self._kept = [
            (variable, variable.numpy())
            for metric in self.model.metrics
            for variable in metric.variables
        ]

    def _put_back(self):
        for variable, value in self._kept:
            variable.assign(value)


def validate_epoch(trainer, epoch, validation_batches, callbacks):
    """Ends an epoch without a step; `fit` wants one at least.

    Args:
        trainer: a `Trainer`.
        epoch: number of the epoch, from 0.
        validation_batches: see `centre_crop_batches`.
        callbacks: those of `fit`; one of them brings the metrics back.
    """
    callbacks = keras.callbacks.CallbackList(
        callbacks, model=trainer, epochs=epoch + 1, steps=0, verbose=0
    )
    trainer.stop_training = False
    callbacks.on_train_begin()
    trainer.reset_metrics()
    callbacks.on_epoch_begin(epoch)
    logs = dict(trainer.get_metrics_result())
    errors = trainer.evaluate(
        validation_batches, callbacks=callbacks, verbose=0, return_dict=True
    )
    logs.update({f"val_{name}": value for name, value in errors.items()})
    callbacks.on_epoch_end(epoch, logs)
    callbacks.on_train_end(logs)
