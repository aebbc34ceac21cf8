"""--mode=ablate: what each part of the network is worth."""

import copy
import pathlib
import re
from typing import Any

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
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run, new_run_path
from configs import paper
from configs.ablations import NEVER_MEET, VARIANTS
from modes.series import train_series

WHOLE = "the whole network"


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
        (
            Run(folder / f"{slug(name)}-{seed}"),
            f"{name}, seed {seed}",
            config_of(options.config, changes, seed),
        )
        for seed in range(options.seeds)
        for name, changes in variants_of(options.config)
    ]
    code = train_series(options, plan, lambda: write_tables(folder, options))
    if code is not None:
        return code
    write_tables(folder, options)
    print((folder / "ablations.md").read_text(), end="")
    return 0


def variants_of(config: ConfigDict) -> list[tuple[str, dict[str, Any]]]:
    """[(name, changes)], the whole network first.

    A variant that changes nothing of this recipe is left out, and towers that
    never meet where there is one.
    """
    found = [(WHOLE, {})]
    for name, changes, _ in VARIANTS:
        if name == NEVER_MEET and config.model.towers == 1:
            continue
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
