"""The end of an epoch whose steps were done before a run was stopped."""

import keras


def end_epoch(trainer, epoch, validation, callbacks):
    """Does what `fit` does after an epoch's last step.

    `fit` itself cannot: it knows no epoch without steps.

    Args:
        trainer: a `Trainer`; one of the callbacks restores its metrics when
            the epoch begins.
        epoch: its number, from 0.
        validation: dataset of (images, labels).
        callbacks: as for `fit`.
    """
    callbacks = keras.callbacks.CallbackList(callbacks, model=trainer, steps=0)
    trainer.stop_training = False
    callbacks.on_train_begin()
    trainer.reset_metrics()
    callbacks.on_epoch_begin(epoch)
    logs = trainer.get_metrics_result()
    measured = trainer.evaluate(
        validation, callbacks=callbacks, verbose=0, return_dict=True
    )
    logs |= {f"val_{name}": value for name, value in measured.items()}
    callbacks.on_epoch_end(epoch, logs)
    callbacks.on_train_end(logs)
