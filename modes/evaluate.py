"""--mode=evaluate: errors of runs and exports on validation images."""

import dataclasses
import json
import pathlib

from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ensemble import check_same_answers, open_members
from alexnet_tf.evaluation.evaluate import average, predict_all
from alexnet_tf.evaluation.outcome import (
    evaluate_and_report,
    outcome_of,
    warn_about_missing,
    write_tables,
)
from alexnet_tf.evaluation.tables import markdown
from alexnet_tf.run.about import about_run
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.trained import load_trained
from modes.setup import check_same_classes, config_for, open_source


def main(options):
    """Evaluates a run, or several networks together; returns the exit code."""
    if options.runs:
        return evaluate_ensemble(options)
    run = trained_run(options.run)
    config = config_for(options, run)
    source = open_source(config, options, run)
    print(about_run(run), flush=True)
    trained = load_trained(run, options.tower_devices)
    check_same_classes(run, source)
    assert source.validation  # images are held out where there is none
    validation = Records(source, source.validation, cache_gb=0)
    outcome = evaluate_and_report(
        run, trained.network, trained.crop, source, validation, options.crops
    )
    if options.json:
        print(json.dumps(dataclasses.asdict(outcome)))
    return 0


def evaluate_ensemble(options):
    """Evaluates each of --runs and the mean of their probabilities."""
    openers = open_members(options.runs, options.crops, options.tower_devices)
    run = next((r for r in map(Run, options.runs) if r.exists), None)
    config = config_for(options, run)
    source = open_source(config, options, run)
    assert source.validation  # images are held out where there is none
    validation = Records(source, source.validation, cache_gb=0)
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
    names = [member.name for member in members]
    if len(names) > 1:
        names.append(f"average of {len(names)} networks")
        evaluations.append(average(evaluations))
    outcomes = [
        outcome_of(name, source, options.crops, evaluation)
        for name, evaluation in zip(names, evaluations, strict=True)
    ]
    print(markdown(outcomes), end="")
    warn_about_missing(evaluations[-1], validation)
    if options.results_dir:
        write_tables(
            pathlib.Path(options.results_dir), outcomes, source.class_names
        )
    if options.json:
        print(json.dumps([dataclasses.asdict(o) for o in outcomes]))
    return 0


def check_source_classes(member, source):
    """Raises `UserError` if a member knows other classes than the source."""
    if member.class_names != tuple(source.class_names):
        raise UserError(
            f"{member.name} was trained on {len(member.class_names)} other "
            f"classes than the {len(source.class_names)} of {source.name}: "
            "name the data it was trained on with --config and --data_dir"
        )
