"""--mode=ablate: what each part of the network is worth."""

import copy
import dataclasses
import datetime
import pathlib
import re
import time
from typing import Any

import keras
from ml_collections import ConfigDict

from alexnet_tf.analysis.ablation_table import (
    MOST_SEEDS,
    Variant,
    as_csv,
    markdown,
)
from alexnet_tf.config import apply_overrides, changed_values
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.outcome import outcome_of_training
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.files.text import counted
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run, new_run_path
from configs import paper
from configs.ablations import VARIANTS
from modes.training import train

WHOLE = "the whole network"
DIVERGED = 1  # exit code of training


def main(options: Options) -> int:
    """Trains the recipe and its variants; returns the exit code.

    Each is a run of its own in the folder of the ablation, `NAME-SEED/`. A
    repeated command goes on where the last one stopped. The table is written
    after every run.
    """
    if not 1 <= options.seeds <= MOST_SEEDS:
        raise UserError(
            f"--seeds={options.seeds}: give 1 to {MOST_SEEDS} of them"
        )
    if changed_values("init", paper.get_config(), options.config):
        raise UserError(
            "ablations begin with random weights: leave the init section out "
            "of the recipe"
        )
    folder = pathlib.Path(options.run or new_run_path("ablations"))
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    plan = [
        (seed, name, config_of(options.config, changes, seed))
        for seed in range(options.seeds)
        for name, changes in variants_of(options.config)
    ]
    left = [
        (run, name, config)
        for seed, name, config in plan
        if not is_done(run := Run(folder / f"{slug(name)}-{seed}"), config)
    ]
    print(
        f"{counted(len(plan), 'training')} of "
        f"{counted(options.config.train.epochs, 'epoch')}, "
        f"{len(left)} of them still to do; how long that takes is told after "
        "the first",
        flush=True,
    )
    begin = time.monotonic()
    for number, (run, name, config) in enumerate(left):
        seed = config.train.seed
        print(
            f"{number + 1} of {len(left)}: {name}, seed {seed}"
            + time_left(time.monotonic() - begin, number, len(left)),
            flush=True,
        )
        code = train(
            dataclasses.replace(
                options, config=config, config_given=True, run=str(run.path)
            )
        )
        if code == DIVERGED:
            print(f"{name}, seed {seed}: left out, its loss is not finite")
        elif code or not run.is_finished:
            return code  # stopped by a signal
        elif changes := changes_of(run, config):
            key, there, here = changes[0]
            raise UserError(
                f"{run.path} was trained with {key} {there}, not {here}, and "
                "has no step left to make: name another --run"
            )
        write_tables(folder, options)
        keras.backend.clear_session()
    write_tables(folder, options)
    print((folder / "ablations.md").read_text(), end="")
    return 0


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
    before = run.read_config()
    return [
        change
        for section in ("data", "model", "train")
        for change in changed_values(section, before, config)
        # Settled by the data, when training begins.
        if not (change[0] == "model.num_classes" and change[2] == 0)
    ]


def variants_of(config: ConfigDict) -> list[tuple[str, dict[str, Any]]]:
    """[(name, changes)], the whole network first.

    A variant that changes nothing of this recipe is left out.
    """
    found = [(WHOLE, {})]
    for name, changes, _ in VARIANTS:
        changed = config_of(config, changes, config.train.seed)
        if any(
            changed_values(section, config, changed)
            for section in ("data", "model", "train")
        ):
            found.append((name, changes))
    return found


def config_of(
    config: ConfigDict, changes: dict[str, Any], seed: int
) -> ConfigDict:
    """A copy of the config with a variant's changes and another seed."""
    changed = copy.deepcopy(config)
    apply_overrides(changed, {**changes, "train.seed": seed})
    return changed


def slug(name: str) -> str:
    """A variant's name as part of a folder's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def write_tables(folder: pathlib.Path, options: Options) -> None:
    """Writes ablations.md and ablations.csv from the runs that are done."""
    whole = results(folder, WHOLE, options.seeds, None)
    if not whole.top1_errors:
        return
    variants = [
        results(folder, name, options.seeds, published)
        for name, _, published in VARIANTS
    ]
    with writable(folder):
        write_text(folder / "ablations.md", markdown(whole, variants))
        write_text(folder / "ablations.csv", as_csv(whole, variants))


def results(
    folder: pathlib.Path,
    name: str,
    seeds: int,
    published: tuple[float | None, float | None] | None,
) -> Variant:
    """A `Variant` of the runs that have been tested."""
    top1, top5 = {}, {}
    for seed in range(seeds):
        outcome = outcome_of_training(Run(folder / f"{slug(name)}-{seed}"))
        if outcome is not None:
            top1[seed] = outcome.top1_error
            if outcome.has_top5:
                top5[seed] = outcome.top5_error
    return Variant(name, top1, top5, published)
