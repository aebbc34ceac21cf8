"""The run folder: everything a run writes, and how to find it again.

config.json      every value used
dataset.json     class names and what the images were
images.json      which images it held out, and what is in some of them
statistics.npz   mean image and covariance of the training images
state/           the last two states, to go on from
best/            the weights with the lowest validation top-1 error
evaluation.json  what the last test found; beside it per_class.csv,
                 confusion.csv, confused.csv, reliability.csv, coverage.csv,
                 mistakes.csv and label_errors.csv
history.csv      one row per epoch
damaged.csv      images that were damaged after the run had begun
events/          for TensorBoard
watch/           steps.csv and what each epoch looks like, for --mode=watch
figures/         PNG
index/           what --mode=search looks in, see retrieval.image_index
lock             held by the process that trains
finished.json    when training ended, and the test after it: written last
starts.json      command, machine and versions of every start, and what the
                 run began with
report.html      --mode=report
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from alexnet_tf.config import absent_keys, config_from_json, config_to_json
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.files.checksums import file_sha256
from alexnet_tf.files.text import read_text
from alexnet_tf.run.provenance import record_start
from alexnet_tf.terminal.command import command

if TYPE_CHECKING:
    from alexnet_tf.data.image_set import Source

RUNS = pathlib.Path("runs")
LOCK_FILE = "lock"


class Run:
    """Paths and small files of a run folder.

    Args:
        path: of the folder, which need not exist.
    """

    def __init__(self, path: str | pathlib.Path) -> None:
        self._told: set[str] = set()
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.json"
        self.dataset_file = self.path / "dataset.json"
        self.images_file = self.path / "images.json"
        self.statistics_file = self.path / "statistics.npz"
        self.state_folder = self.path / "state"
        self.best_weights = self.path / "best" / "network.weights.h5"
        self.evaluation_file = self.path / "evaluation.json"
        self.confusion_file = self.path / "confusion.csv"
        self.history_file = self.path / "history.csv"
        self.damaged_file = self.path / "damaged.csv"
        self.events_folder = self.path / "events"
        self.watch_folder = self.path / "watch"
        self.steps_file = self.watch_folder / "steps.csv"
        self.plan_file = self.watch_folder / "plan.json"
        self.alarm_file = self.watch_folder / "alarm.json"
        self.figures_folder = self.path / "figures"
        self.index_folder = self.path / "index"
        self.lock_file = self.path / LOCK_FILE
        self.finished_file = self.path / "finished.json"
        self.starts_file = self.path / "starts.json"
        self.report_file = self.path / "report.html"

    @property
    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return self.config_file.is_file()

    @property
    def can_go_on(self) -> bool:
        """Whether something of the training is saved."""
        return self.state_folder.is_dir() or self.best_weights.is_file()

    def weights_sha256(self) -> str:
        """SHA-256 of the best weights, in hexadecimal digits."""
        return file_sha256(self.best_weights)

    @property
    def is_finished(self) -> bool:
        """Whether training came to its end, and the test after it.

        Evaluating a run that is not finished does not make it one.
        """
        return self.finished_file.is_file()

    def finish(self, outcome: dict) -> None:
        """Writes finished.json; the next start of training removes it.

        Args:
            outcome: values of the `Outcome` of the test.
        """
        now = datetime.datetime.now().astimezone().isoformat("T", "seconds")
        with writable(f"run folder {self.path}"):
            write_text(
                self.finished_file,
                json.dumps({"time": now, "outcome": outcome}, indent=2) + "\n",
            )

    @property
    def how_to_go_on(self) -> str:
        """The command that does."""
        return f"continue with: {command('train', run=self.path)}"

    def create(self, config: ConfigDict) -> None:
        """Makes the folders, writes the config and records the start.

        The config of a run that can go on stays as it is until a step is made
        with another; see `write_config`.

        Raises:
            UserError: the folder cannot be written.
        """
        with writable(f"run folder {self.path}"):
            for file in (self.best_weights, self.figures_folder / "any"):
                file.parent.mkdir(parents=True, exist_ok=True)
            record_start(self.starts_file)
            # This comes last: with it there is a run.
            if not (self.exists and self.can_go_on):
                write_text(self.config_file, config_to_json(config))

    def write_config(self, config: ConfigDict) -> None:
        """Writes the config anew, where training settles or uses values."""
        with writable(f"run folder {self.path}"):
            write_text(self.config_file, config_to_json(config))

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """Turns a failure to write while training into a `UserError`.

        Training stops there: nothing that comes later could be saved either.
        """
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            kept = (
                f"the states saved so far are intact; {self.how_to_go_on}"
                if self.can_go_on
                else "nothing was saved yet"
            )
            raise UserError(
                f"{self.path} cannot be written: {reason}. When that is "
                f"mended: {kept}"
            ) from None

    def read_config(self) -> ConfigDict:
        """The config the run was last trained with.

        Raises:
            UserError: config.json is damaged, or of a version with other keys.
        """
        with readable(self.config_file):
            return config_from_json(read_text(self.config_file))

    def say_what_config_lacks(self, *sections: str) -> None:
        """Names the keys that config.json lacks, each once, and their values.

        Args:
            sections: of the config, those that matter now.
        """
        with readable(self.config_file):
            absent = absent_keys(read_text(self.config_file))
        lacking = {
            key: value
            for key, value in absent.items()
            if key.split(".")[0] in sections and key not in self._told
        }
        self._told |= lacking.keys()
        if lacking:
            values = ", ".join(f"{key} ({v})" for key, v in lacking.items())
            print(
                f"{self.config_file} is of another version and lacks keys, "
                f"which get the values in parentheses: {values}",
                file=sys.stderr,
            )

    def write_dataset(
        self, source: Source, data_dir: str | pathlib.Path | None
    ) -> None:
        """Records what the run's images are; see `read_dataset`."""
        assert source.validation  # images are held out where there is none
        dataset = {
            "name": source.name,
            "data_dir": str(pathlib.Path(data_dir).resolve())
            if data_dir
            else None,
            "class_names": source.class_names,
            "train_images": source.train.size,
            "validation_images": source.validation.size,
            "licence": source.licence,
            "fingerprint": source.fingerprint,
        }
        with writable(f"run folder {self.path}"):
            write_text(self.dataset_file, json.dumps(dataset, indent=2) + "\n")

    def read_dataset(self) -> dict[str, Any]:
        """A dict with "name", "data_dir", "class_names", the sizes of the
        splits and "licence"."""
        with readable(self.dataset_file):
            dataset = json.loads(read_text(self.dataset_file))
            if not _describes_images(dataset):
                raise ValueError("it does not say what the images were")
        return dataset


def _describes_images(dataset: Any) -> bool:
    names = dataset.get("class_names") if isinstance(dataset, dict) else None
    return isinstance(names, list) and all(isinstance(n, str) for n in names)


def new_run_path(config_name: str) -> pathlib.Path:
    """A path under runs/ named after the time and the recipe."""
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = RUNS / f"{now}-{config_name}"
    number = 2
    while path.exists():
        path = RUNS / f"{now}-{config_name}-{number}"
        number += 1
    return path


def existing_run(path: str | pathlib.Path) -> Run:
    """The run at `path`.

    Raises:
        UserError: there is none.
    """
    run = Run(path)
    if not run.exists:
        raise UserError(f"there is no run in {path}: config.json is missing")
    return run


def newest_trained_run() -> Run | None:
    """The run under runs/ whose best weights are the newest, if any."""
    return max(
        (
            run
            for run in map(Run, RUNS.glob("*"))
            if run.exists and run.best_weights.is_file()
        ),
        key=lambda run: run.best_weights.stat().st_mtime,
        default=None,
    )


def trained_run(path: str | pathlib.Path | None = None) -> Run:
    """The run at `path`, or the newest under runs/, with trained weights.

    Raises:
        UserError: there is none.
    """
    if path is None:
        newest = newest_trained_run()
        if newest is None:
            raise UserError(
                f"no trained run under {RUNS}/: train one with "
                f"{command('train')}, or name one with --run=DIR"
            )
        return newest
    run = existing_run(path)
    if not run.best_weights.is_file():
        raise UserError(
            f"the run in {path} has no trained weights yet: continue it with "
            f"{command('train', run=path)}"
        )
    return run
