"""An epoch whose training is done and whose validation failed."""

import keras


class TrainingMetrics(keras.callbacks.Callback):
    """Keeps the metrics of training while validation uses their variables."""

    def __init__(self):
        super().__init__()
        self._kept = None

    def on_test_begin(self, logs=None):
        self._kept = [
            (variable, variable.numpy())
            for metric in self.model.metrics
            for variable in metric.variables
        ]

    def on_epoch_end(self, epoch, logs=None):
        self._kept = None

    def put_back(self):
        """Undoes what an unfinished validation did to the metrics."""
        for variable, value in self._kept or ():
            variable.assign(value)
        self._kept = None


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
