"""The state of a run: all that is needed to go on."""

import json
import shutil

import keras

from alexnet_tf.files import readable, replacing
from alexnet_tf.trained import load_weights


class State:
    """Reads and writes `state/` and `best/` of a run.

    The weights file holds weights, velocities, learning rate and the indices
    of the dropout and lighting draws; `state.json` the rest.

    Args:
        run: a `Run`.
        trainer: a `Trainer`.
        drops: a `PlateauDrops` or `DropsByHand`.
        lr: the config's learning rate.

    Attributes:
        epoch, step: where training is: completed epochs, and completed
            steps of the next one.
        best_error: lowest validation top-1 error so far.
        rows: one dict per completed epoch, as in history.csv.
    """

    def __init__(self, run, trainer, drops, lr):
        self._run = run
        self._lr = lr
        self._trainer = trainer
        self._drops = drops
        self.epoch = 0
        self.step = 0
        self.best_error = float("inf")
        self.rows = []
        self._metrics = None

    def save(self):
        """Replaces `state/`; the old one stays until the new is complete."""
        folder = self._run.state_folder
        new, old = (folder.with_name(f"state.{x}") for x in ("new", "old"))
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        self._trainer.save_weights(new / "trainer.weights.h5")
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "best_error": self.best_error,
            "rows": self.rows,
            "lr": self._lr,
            "drops": self._drops.saved_state(),
            "metrics": {
                metric.name: [float(v) for v in metric.variables]
                for metric in self._trainer.metrics
            },
        }
        (new / "state.json").write_text(json.dumps(state, indent=2) + "\n")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    def save_best(self, error):
        """Keeps the present weights if `error` is the lowest so far."""
        if error >= self.best_error:
            return
        self.best_error = error
        with replacing(self._run.best_weights) as temporary:
            # Keras asks for the suffix .weights.h5.
            file = temporary.with_name(f"{temporary.stem}.weights.h5")
            self._trainer.network.save_weights(file)
            file.replace(temporary)

    def restore(self):
        """Goes on from `state/`, if there is one.

        Where the config's learning rate has changed since, the present one
        changes in proportion.

        Raises:
            UserError: the state is another network's.
        """
        folder = self._run.state_folder
        if not folder.exists():
            folder = folder.with_name("state.old")
            if not folder.exists():
                return
        load_weights(self._trainer, folder / "trainer.weights.h5", self._run)
        with readable(folder / "state.json"):
            self._take(json.loads((folder / "state.json").read_text()))

    def _take(self, state):
        self.epoch, self.step = state["epoch"], state["step"]
        self.best_error, self.rows = state["best_error"], state["rows"]
        self._drops.restore(state["drops"])
        self._metrics = state["metrics"]
        if state["lr"] != self._lr:
            optimizer = self._trainer.optimizer
            dropped = float(optimizer.learning_rate) / state["lr"]
            optimizer.learning_rate = self._lr * dropped

    def restore_metrics(self):
        """Gives a resumed epoch the metrics of its first part."""
        for metric in self._trainer.metrics if self._metrics else ():
            saved = self._metrics[metric.name]
            for variable, value in zip(metric.variables, saved, strict=True):
                variable.assign(value)
        self._metrics = None


class StateKeeper(keras.callbacks.Callback):
    """Keeps the `State` where training is; after all that it saves.

    Args:
        state: a `State`, restored or new.
    """

    def __init__(self, state):
        super().__init__()
        self._state = state

    def on_epoch_begin(self, epoch, logs=None):
        if self._state.step:
            self._state.restore_metrics()

    def on_train_batch_end(self, batch, logs=None):
        self._state.step += 1

    def on_epoch_end(self, epoch, logs=None):
        self._state.epoch, self._state.step = epoch + 1, 0
        self._state.save_best(logs["val_top1_error"])
        self._state.save()
