"""What a run writes while an epoch goes on, for those who watch it."""

import json
import time
from collections.abc import Callable
from typing import Any

import keras

from alexnet_tf.files.atomic import append, write_text
from alexnet_tf.run.folder import Run
from alexnet_tf.run.progress import COLUMNS, read_steps

SECONDS = 1  # at least, from one row to the next
ROWS = 1000  # of an epoch, at most


class StepLog(keras.callbacks.Callback):
    """Appends to watch/steps.csv: means over the steps since the row before.

    `update` counts the updates of the whole run, `epoch` those that are done,
    `time` is in seconds since 1970. A run that goes on loses the rows of the
    updates that it makes again.

    Args:
        run: a `Run`.
        epochs: planned.
        steps_per_epoch: updates of an epoch.
        batch_size: images of an update.
        done: function that returns (epochs done, steps of this epoch before
            the present one).
    """

    def __init__(
        self,
        run: Run,
        *,
        epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        done: Callable[[], tuple[int, int]],
    ) -> None:
        super().__init__()
        self._run = run
        self._plan = {
            "epochs": epochs,
            "steps_per_epoch": steps_per_epoch,
            "batch_size": batch_size,
        }
        self._done = done
        self._begun = False

    def on_train_begin(self, logs: Any = None) -> None:
        if self._begun:
            return  # `fit` is called once more for what is left of an epoch
        path = self._run.steps_file
        with self._run.saving():
            path.parent.mkdir(exist_ok=True)
            plan = json.dumps(self._plan) + "\n"
            write_text(self._run.plan_file, plan)
            epoch, step = self._done()
            last = epoch * self._plan["steps_per_epoch"] + step
            kept = [row for row in read_steps(path) if row["update"] <= last]
            lines = [COLUMNS, *([row[c] for c in COLUMNS] for row in kept)]
            write_text(path, "".join(map(_line, lines)))
        self._begun = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._time = time.monotonic()
        self._steps: int | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        epoch, before = self._done()
        steps, now = before + 1, time.monotonic()
        # Keras reports means since the epoch began.
        totals = {key: logs[key] * steps for key in ("loss", "top1_error")}
        if self._steps is None and before:
            self._note(steps, totals, now)  # a resumed epoch: sums unknown
            return
        if self._steps is None:
            self._note(0, dict.fromkeys(totals, 0.0), self._time)
        assert self._steps is not None  # noted above
        count = steps - self._steps
        is_last = steps == self._plan["steps_per_epoch"]
        enough = count * ROWS >= self._plan["steps_per_epoch"]
        if not is_last and not (enough and now - self._time >= SECONDS):
            return
        means = [(totals[key] - self._totals[key]) / count for key in totals]
        images = count * self._plan["batch_size"]
        row = (
            epoch * self._plan["steps_per_epoch"] + steps,
            epoch,
            *(f"{mean:.6g}" for mean in means),
            f"{self.model.optimizer.present_lr:g}",
            f"{images / max(now - self._time, 1e-9):.4g}",
            f"{time.time():.0f}",
        )
        self._note(steps, totals, now)
        with (
            self._run.saving(),
            open(self._run.steps_file, "ab", buffering=0) as file,
        ):
            append(file, _line(row).encode())

    def _note(self, steps: int, totals: dict[str, float], now: float) -> None:
        self._steps, self._totals, self._time = steps, totals, now


def _line(cells: Any) -> str:
    return ",".join(map(str, cells)) + "\n"
