"""The state of a run: all that is needed to go on."""

from __future__ import annotations

import errno
import json
import math
import os
import pathlib
import shutil
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.by_class import TOP1, monitored_error
from alexnet_tf.files.atomic import flush_to_disk, readable
from alexnet_tf.files.checksums import seal
from alexnet_tf.files.text import counted
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_weights
from alexnet_tf.training.diagnosis import NotFinite, require_finite
from alexnet_tf.training.schedule import ByFormula, LrDrops
from alexnet_tf.training.state_folders import StateFolders
from alexnet_tf.workers.alone import ALONE, SAVE, Workers

if TYPE_CHECKING:
    from alexnet_tf.training.trainer import Trainer

WEIGHTS = "trainer.weights.h5"
REST = "state.json"
HDF5_OVERHEAD = 2**20  # bytes: more than the names of 200 variables take
UNFINISHED = "unfinished.weights.h5"  # Keras asks for that suffix


class State:
    """Reads and writes `state/` and `best/` of a run.

    The weights file holds weights, velocities, learning rate and the indices
    of the dropout and lighting draws; `state.json` the rest.

    Args:
        run: a `Run`.
        trainer: a `Trainer`.
        drops: a `PlateauDrops`, `DropsByHand` or `ByFormula`.
        lr: the config's learning rate.
        workers: `Alone`, or those that train together. All of them save at
            the same places; worker 0 writes.

    Attributes:
        epoch, step: where training is: completed epochs, and completed
            steps of the next one; all of its steps where only the validation
            is missing.
        best_error: lowest error of a validation so far, see
            `monitored_error`.
        rows: one dict per completed epoch, as in history.csv.
        dropped: what the rate had been multiplied by so far where the config
            has another than the restored state; None where it is the same.
    """

    def __init__(
        self,
        *,
        run: Run,
        trainer: Trainer,
        drops: LrDrops,
        lr: float,
        workers: Workers = ALONE,
    ) -> None:
        self._run = run
        self._lr = lr
        self._trainer = trainer
        self._drops = drops
        self._workers = workers
        self._folders = StateFolders(run.state_folder)
        self.epoch = 0
        self.step = 0
        self.best_error = float("inf")
        self.rows = []
        self.dropped = None
        # These are the sums of the epoch's training where the trainer's own are
        # not; they are added up over the workers.
        self._metrics = None

    @property
    def place(self) -> str:
        """Where training is, in words."""
        return (
            f"{counted(self.epoch, 'epoch')} and {counted(self.step, 'step')}"
        )

    @property
    def new_rate(self) -> str:
        """What another learning rate comes to, in words; or empty."""
        if self.dropped is None:
            return ""
        if isinstance(self._drops, ByFormula):  # from the epoch alone
            return f"learning rate {self._drops.lr_at(self.epoch):g} now"
        return new_rate_in_words(self._lr, self.dropped)

    def save(self) -> None:
        """Writes a state, unless the last one is of the same place.

        Raises:
            NotFinite: a weight or velocity is not; the last one is intact.
            UserError: it cannot be written; the last one is intact.
        """
        self._require_finite()
        metrics = self._metrics or self._trainer_metrics()
        if self._workers.rank:
            return
        with self._run.saving():
            self._folders.write(
                self.epoch,
                self.step,
                lambda folder: self._write_files(folder, metrics),
            )

    def _require_finite(self) -> None:
        require_finite(self._trainer.network, self._trainer.optimizer)

    def _write_files(
        self, folder: pathlib.Path, metrics: dict[str, list[float]]
    ) -> None:
        _save_weights(
            self._trainer, folder / WEIGHTS, self._trainer.optimizer.variables
        )
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "best_error": self.best_error,
            "rows": self.rows,
            "lr": self._lr,
            "drops": self._drops.saved_state(),
            "metrics": metrics,
        }
        (folder / REST).write_text(json.dumps(state, indent=2) + "\n")

    def _trainer_metrics(self) -> dict[str, list[float]]:
        return {
            metric.name: [
                float(number)
                for number in self._workers.sum(
                    [float(v) for v in metric.variables]
                )
            ]
            for metric in self._trainer.metrics
        }

    def save_best(self, error: float) -> None:
        """Keeps what was validated last if `error` is the lowest so far.

        Raises:
            NotFinite: a weight is not; those before are intact.
            UserError: they cannot be written; those before are intact.
        """
        if not error < self.best_error:
            return
        self._require_finite()
        self.best_error = error
        if self._workers.rank:
            return
        best = self._run.best_weights
        with self._run.saving():
            # The name is always the same: a killed run leaves one such file at
            # most.
            file = best.with_name(UNFINISHED)
            with self._trainer.validated_weights():
                _save_weights(self._trainer.network, file)
            seal(file)
            flush_to_disk(file)
            file.replace(best)
            flush_to_disk(best.parent)

    def restore(self) -> bool:
        """Goes on from the newest sound state.

        Where the config's learning rate has changed since, the present one
        changes in proportion.

        Returns:
            Whether there was one.

        Raises:
            UserError: all states are damaged, or the state is another
                network's.
        """
        folder = self._folders.newest()
        if folder is None:
            self._refuse_first_releases()
            return False
        load_weights(self._trainer, folder / WEIGHTS, self._run)
        try:
            self._require_finite()
        except NotFinite as error:
            raise UserError(
                f"{folder} cannot be gone on from: {error}; remove it to go on "
                f"from the state before, or all of {self._run.state_folder} to "
                "begin again"
            ) from None
        with readable(folder / REST):
            self._take(json.loads((folder / REST).read_text()))
        return True

    def _refuse_first_releases(self) -> None:
        """Training anew over a state that is not read would lose it."""
        for name in ("state", "state.old"):
            folder = self._run.state_folder.with_name(name)
            if (folder / WEIGHTS).is_file():
                raise UserError(
                    f"{folder} is a state of the first releases, which had no "
                    "checksums and is not gone on from: remove that folder to "
                    "train from the beginning, or name another --run"
                )

    def _take(self, state: dict[str, Any]) -> None:
        self.epoch, self.step = state["epoch"], state["step"]
        self.best_error, self.rows = state["best_error"], state["rows"]
        self._drops.restore(state["drops"])
        # Between two epochs these are those of the validation before.
        self._metrics = state["metrics"] if self.step else None
        if state["lr"] != self._lr:
            optimizer = self._trainer.optimizer
            self.dropped = float(optimizer.learning_rate) / state["lr"]
            optimizer.learning_rate = self._lr * self.dropped

    def fingerprint(self) -> str:
        """A text that changes when the place or the numbers do."""
        sums = [
            float(np.sum(np.asarray(v), dtype=np.float64))
            for v in (
                *self._trainer.variables,
                *self._trainer.optimizer.variables,
            )
        ]
        return f"{self.place} {sums}"

    def restore_metrics(self) -> None:
        """Gives a resumed epoch the metrics of its first part."""
        if self._metrics is None:
            return
        for metric in self._trainer.metrics:
            saved = self._metrics[metric.name]
            for variable, value in zip(metric.variables, saved, strict=True):
                variable.assign(value / self._workers.size)
        self._metrics = None

    def hold_metrics(self) -> None:
        """Remembers those of training, before something else uses the same.

        Those that it remembers already stay.
        """
        self._metrics = self._metrics or self._trainer_metrics()

    def end_epoch(self, error: float) -> None:
        """Moves on to the next epoch and saves.

        Args:
            error: of the validation, see `monitored_error`.
        """
        self.epoch, self.step = self.epoch + 1, 0
        self._metrics = None
        self.save_best(error)
        self.save()


def new_rate_in_words(lr: float, dropped: float) -> str:
    """What a learning rate that was changed between two starts comes to.

    Args:
        lr: the config's.
        dropped: what the schedule has multiplied it by so far.
    """
    used = f"learning rate {lr * dropped:g} now"
    if math.isclose(dropped, 1, rel_tol=1e-5):
        return used
    return (
        f"{used}: train.lr={lr:g} is that of the first epoch, and the drops "
        f"already made multiply it by {dropped:.3g}; for {lr:g} now give "
        f"--config.train.lr={lr / dropped:g}"
    )


def _save_weights(
    model: keras.Model,
    file: pathlib.Path,
    beside: Iterable[keras.Variable] = (),
) -> None:
    """Like `model.save_weights`, but leaves nothing where there is no room.

    Args:
        model: a Keras model.
        file: to write; its name ends as Keras asks for.
        beside: variables that are saved with the model's own.

    Raises:
        OSError: it cannot be written.
    """
    # The room is asked for first: HDF5 tells of a full disk in tracebacks that
    # nobody can catch.
    needed = HDF5_OVERHEAD + sum(
        math.prod(v.shape) * np.dtype(v.dtype).itemsize
        for v in (*model.variables, *beside)
    )
    if shutil.disk_usage(file.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:
        model.save_weights(file)
    except OSError:
        # HDF5 keeps the file open and writes a rest later, which has to fit,
        # too.
        if file.exists():
            os.truncate(file, 0)
            file.unlink()
        raise


class StateKeeper(keras.callbacks.Callback):
    """Keeps the `State` where training is, and saves it now and then.

    After every epoch, and within one every `every_steps` steps or, where that
    is 0, `every_minutes` minutes after the last time. After all callbacks
    whose state it saves.

    Args:
        state: a `State`, restored or new.
        every_steps, every_minutes, monitor: see configs/paper.py.
        workers: `Alone`, or those that save at the same steps.
    """

    def __init__(
        self,
        state: State,
        every_steps: int,
        every_minutes: float,
        *,
        monitor: str = TOP1,
        workers: Workers = ALONE,
    ) -> None:
        super().__init__()
        self._state = state
        self._every_steps = every_steps
        self._every_seconds = 60 * every_minutes
        self._monitor = monitor
        self._workers = workers
        self._last_time = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._state.restore_metrics()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._workers.ask(SAVE, self._is_time())

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._state.step += 1
        if self._is_due():
            self._state.save()
            self._last_time = time.monotonic()

    def _is_due(self) -> bool:
        if self._every_steps:
            return self._state.step % self._every_steps == 0
        return self._workers.agreed(SAVE, self._is_time())

    def _is_time(self) -> bool:
        # This is not time.time(): the clock on the wall may be set back or
        # forward.
        return time.monotonic() - self._last_time >= self._every_seconds

    def on_test_begin(self, logs: Any = None) -> None:
        self._state.hold_metrics()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._state.end_epoch(monitored_error(logs, self._monitor))
        self._last_time = time.monotonic()
