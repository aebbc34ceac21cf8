"""Several trainings, one after the other, each a run of its own."""

import copy
import dataclasses
import datetime
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
from ml_collections import ConfigDict

from alexnet_tf.config import changed_values
from alexnet_tf.errors import UserError
from alexnet_tf.files.text import counted
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from modes.beginning import settle_init
from modes.training import Begin, train

DIVERGED = 1  # exit code of training


def train_series(
    options: Options,
    plan: Sequence[tuple[Run, str, ConfigDict]],
    after_each: Callable[[], object],
    begin: Begin | None = None,
) -> int | None:
    """Trains what is not done yet.

    A repeated command goes on where the last one stopped. A training whose
    loss is not finite is left out.

    Args:
        options: of the mode.
        plan: [(the `Run`, its name in words, its config)].
        after_each: called after each training, such as to write tables.
        begin: see `train`.

    Returns:
        None, or the exit code where a signal stopped a training.

    Raises:
        UserError: a training cannot begin, or a run was trained to its end
            with other values.
    """
    left = [
        (run, name, config)
        for run, name, config in plan
        if not is_done(run, config)
    ]
    print(
        f"{counted(len(plan), 'training')} of "
        f"{counted(options.config.train.epochs, 'epoch')}, "
        f"{len(left)} of them still to do; how long that takes is told after "
        "the first",
        flush=True,
    )
    started = time.monotonic()
    for number, (run, name, config) in enumerate(left):
        print(
            f"{number + 1} of {len(left)}: {name}"
            + time_left(time.monotonic() - started, number, len(left)),
            flush=True,
        )
        code = train(
            dataclasses.replace(
                options, config=config, config_given=True, run=str(run.path)
            ),
            begin,
        )
        if code == DIVERGED:
            print(f"{name}: left out, its loss is not finite")
        elif code or not run.is_finished:
            again = shlex.quote(f"--run={run.path.parent}")
            # By a signal; the training has told how it alone goes on.
            print(
                f"{counted(len(left) - number, 'training')} of {len(plan)} "
                "left: repeat this command with "
                f"{again} to go on with all of them"
            )
            return code
        elif changes := changes_of(run, config):
            key, there, here = changes[0]
            raise UserError(
                f"{run.path} was trained with {key} {there}, not {here}, and "
                "has no step left to make: name another --run"
            )
        after_each()
        keras.backend.clear_session()
    return None


def time_left(seconds: float, done: int, count: int) -> str:
    """What is left of `count` trainings after `done` of them, as text."""
    if not done:
        return ""
    left = datetime.timedelta(seconds=round(seconds / done * (count - done)))
    return f"; about {left} left"


def is_done(run: Run, config: ConfigDict) -> bool:
    """Whether a run is finished, with this config."""
    return run.is_finished and not changes_of(run, config)


def changes_of(run: Run, config: ConfigDict) -> list[tuple[str, Any, Any]]:
    """What a run was trained with that a config has otherwise."""
    before, config = run.read_config(), copy.deepcopy(config)
    settle_init(run, config, None)
    return [
        change
        for section in ("data", "model", "init", "train")
        for change in changed_values(section, before, config)
        # Settled by the data, when training begins.
        if not (change[0] == "model.num_classes" and change[2] == 0)
    ]
