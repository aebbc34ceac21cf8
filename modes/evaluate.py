"""--mode=evaluate: errors of runs and exports on validation images."""

import dataclasses
import json
import pathlib
from collections.abc import Iterable

from alexnet_tf.data.damage import read_damaged
from alexnet_tf.data.image_set import Damaged, Source
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.coefficients import (
    SEARCH,
    SEARCH_ALL,
    halves,
    parsed,
    part,
    searched,
    weighted,
)
from alexnet_tf.evaluation.ensemble import (
    Member,
    check_same_answers,
    open_members,
)
from alexnet_tf.evaluation.evaluate import Evaluation, average, predict_all
from alexnet_tf.evaluation.outcome import (
    evaluate_and_report,
    other_data_folder,
    outcome_of,
    outcome_values,
    warn_about_missing,
    warn_of_trained_on,
    write_tables,
)
from alexnet_tf.evaluation.tables import markdown
from alexnet_tf.evaluation.top_k import top5_means_something
from alexnet_tf.options import Options
from alexnet_tf.run.about import about_run
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.trained import load_trained
from modes.setup import (
    check_same_classes,
    config_for,
    data_dir_for,
    open_source,
)

SEARCHES = (SEARCH,), (SEARCH_ALL,)  # what --coefficients may be


def main(options: Options) -> int:
    """Evaluates a run, or several networks together; returns the exit code."""
    if options.runs:
        return evaluate_ensemble(options)
    run = trained_run(options.run)
    config = config_for(options, run)
    print(about_run(run), flush=True)
    trained = load_trained(run, options.tower_devices)
    data_dir = data_dir_for(options, run)
    source = open_source(
        config,
        options,
        run,
        damaged_images(run, data_dir),
        trained.class_names,
    )
    check_same_classes(run, source)
    folder = other_data_folder(run, source, data_dir)
    if folder:
        print(
            f"these are not the images that {run.path} was begun with, or "
            f"they have changed since: the result goes to {folder}"
        )
        warn_of_trained_on(run, source)
    assert source.validation  # images are held out where there is none
    validation = Records(source, source.validation, cache_gb=0)
    outcome = evaluate_and_report(
        run,
        trained.network,
        trained.crop,
        source,
        validation,
        options.crops,
        data_dir,
        folder,
    )
    if options.results_dir:
        write_tables(
            pathlib.Path(options.results_dir), [outcome], source.class_names
        )
    if options.json:
        print(json.dumps(outcome_values(outcome)))
    return 0


def damaged_images(run: Run, data_dir: str | None) -> list[Damaged] | None:
    """`Damaged` images of a run that are no news; None where there are none,
    or the data are not where the run's were."""
    if not data_dir or run.read_dataset()["data_dir"] != str(
        pathlib.Path(data_dir).resolve()
    ):
        return None
    return [image for _, image in read_damaged(run.damaged_file)] or None


def evaluate_ensemble(options: Options) -> int:
    """Evaluates each of --runs and the mean of their probabilities."""
    check_coefficients(options)
    openers = open_members(options.runs, options.crops, options.tower_devices)
    run = next((r for r in map(Run, options.runs) if r.exists), None)
    config = config_for(options, run)
    known = tuple(run.read_dataset()["class_names"]) if run else None
    source = open_source(config, options, run, known=known)
    if options.coefficients in SEARCHES and not top5_means_something(
        len(source.class_names)
    ):
        raise UserError(
            f"--coefficients={options.coefficients[0]} goes by the top-5 "
            f"error, which is 0 for {len(source.class_names)} classes: give a "
            "number for each network"
        )
    data_dir = data_dir_for(options, run)
    assert source.validation  # images are held out where there is none
    validation = Records(source, source.validation, cache_gb=0)
    for trained in filter(lambda run: run.exists, map(Run, options.runs)):
        if other_data_folder(trained, source, data_dir):
            warn_of_trained_on(trained, source)
    members, evaluations = [], []
    for opener in openers:
        member = opener()
        members.append(member)
        print(member.about, flush=True)
        check_same_answers(members)
        check_source_classes(member, source)
        evaluations.append(
            predict_all(
                member.probabilities, validation, options.crops, member.name
            )
        )
        # The network is no longer needed, and there may be many.
        members[-1] = dataclasses.replace(member, probabilities=None)
    named = [
        (member.name, evaluation)
        for member, evaluation in zip(members, evaluations, strict=True)
    ]
    if len(named) > 1:
        name = f"average of {len(named)} networks"
        named.append((name, average(evaluations)))
    if options.coefficients:
        named += weighted_averages(options.coefficients, evaluations)
    outcomes = [
        outcome_of(name, source, options.crops, evaluation, data_dir)
        for name, evaluation in named
    ]
    print(markdown(outcomes), end="")
    warn_about_missing(evaluations[0], validation)
    if options.results_dir:
        write_tables(
            pathlib.Path(options.results_dir), outcomes, source.class_names
        )
    if options.json:
        print(json.dumps([outcome_values(o) for o in outcomes]))
    return 0


def check_coefficients(options: Options) -> None:
    """Refuses --coefficients that cannot be used, before hours of work."""
    texts, networks = options.coefficients, len(options.runs)
    if texts and networks == 1:
        raise UserError("--coefficients are for two networks or more")
    if texts and texts not in SEARCHES:
        parsed(texts, networks)


def weighted_averages(
    texts: tuple[str, ...], evaluations: list[Evaluation]
) -> list[tuple[str, Evaluation]]:
    """(name, `Evaluation`) of the averages that --coefficients asks for.

    Args:
        texts: of --coefficients.
        evaluations: of each network, on the same images.
    """
    if texts not in SEARCHES:
        chosen = parsed(texts, len(evaluations))
        return [(f"weighted {_listed(chosen)}", weighted(evaluations, chosen))]
    if texts == (SEARCH_ALL,):
        chosen = searched(evaluations)
        name = f"weighted {_listed(chosen)}, searched on these images"
        return [(name, weighted(evaluations, chosen))]
    rows = halves(len(evaluations[0].labels))
    first, second = ([part(e, half) for e in evaluations] for half in rows)
    chosen = searched(first)
    name = f"weighted {_listed(chosen)}"
    return [
        (f"{name}, the half searched on", weighted(first, chosen)),
        (f"{name}, the other half", weighted(second, chosen)),
        ("average, the other half", average(second)),
    ]


def _listed(coefficients: Iterable[float]) -> str:
    return " ".join(f"{number:g}" for number in coefficients)


def check_source_classes(member: Member, source: Source) -> None:
    """Raises `UserError` if a member knows other classes than the source."""
    if member.class_names != tuple(source.class_names):
        raise UserError(
            f"{member.name} was trained on {len(member.class_names)} other "
            f"classes than the {len(source.class_names)} of {source.name}: "
            "name the data it was trained on with --config and --data_dir"
        )
