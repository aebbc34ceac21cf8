"""--mode=cross_validate: how well a recipe does on images it has not seen."""

import dataclasses
import pathlib

from alexnet_tf.analysis.fold_table import fold_csv, fold_markdown
from alexnet_tf.config import apply_overrides, check_config
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.outcome import outcome_of_training
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run, new_run_path
from alexnet_tf.weights.starting_point import StartingPoint
from modes.beginning import begin, check_same_beginning
from modes.series import train_series


def main(options: Options) -> int:
    """Trains a run for each fold; returns the exit code.

    Each is a run of its own in the folder, `fold-0/` and so on. A repeated
    command goes on where the last one stopped. The table is written after
    every run.
    """
    folder = pathlib.Path(options.run or new_run_path("folds"))
    # The folder is no run, so nothing is gone on with here; each of its runs
    # begins with what is asked for.
    options, start = begin(options, Run(folder))
    folds = options.config.data.holdout_folds
    if not folds:
        raise UserError(
            "--mode=cross_validate needs the number of folds: add "
            "--config.data.holdout_folds=5"
        )
    plan = []
    for fold in range(folds):
        config = options.config.copy_and_resolve_references()
        apply_overrides(config, {"data.fold": fold})
        if start:  # which may change until a later fold begins
            config.init.sha256 = start.sha256
        check_config(config)
        name = f"fold {fold} of {folds}"
        plan.append((Run(folder / f"fold-{fold}"), name, config))
    runs = [run for run, _, _ in plan]
    for run in runs:
        if run.exists:
            check_same_beginning(options, run, start)
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        code = train_series(
            options, plan, lambda: write_tables(folder, runs), begin_or_go_on
        )
    except UserError:
        if not any(folder.iterdir()):  # the images cannot be used
            folder.rmdir()
        raise
    if code is not None:
        return code
    if not write_tables(folder, runs):
        raise UserError("not one fold could be trained to its end")
    print((folder / "folds.md").read_text(), end="")
    return 0


def begin_or_go_on(
    options: Options, run: Run
) -> tuple[Options, StartingPoint | None]:
    """`begin`; --init is no news to a run that began with the same."""
    if run.is_finished:
        options = dataclasses.replace(
            options, init=None, trust_pickle=False, mean_file=None
        )
    return begin(options, run)


def write_tables(folder: pathlib.Path, runs: list[Run]) -> bool:
    """Writes folds.md and folds.csv; returns whether any run is done."""
    outcomes = {
        fold: outcome
        for fold, run in enumerate(runs)
        if (outcome := outcome_of_training(run))
    }
    if not outcomes:
        return False
    with writable(folder):
        write_text(folder / "folds.md", fold_markdown(outcomes))
        write_text(folder / "folds.csv", fold_csv(outcomes))
    return True
