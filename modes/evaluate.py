"""--mode=evaluate: errors of runs and exports on validation images."""

import dataclasses
import json
import pathlib
import sys

from alexnet_tf.data.damage import DATA_ERRORS, listed
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ensemble import check_same_answers, open_members
from alexnet_tf.evaluation.evaluate import average, evaluate, predict_all
from alexnet_tf.evaluation.tables import (
    Result,
    as_csv,
    draw_confusion,
    markdown,
    per_class,
    write_confusion,
    write_per_class,
)
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.trained import load_trained
from modes.setup import check_same_classes, config_for, open_source

SPLIT = "validation"
CROPS = {1: "centre", 10: "ten"}


def main(options):
    """Evaluates a run, or several networks together; returns the exit code."""
    if options.runs:
        return evaluate_ensemble(options)
    run = trained_run(options.run)
    config = config_for(options, run)
    source = open_source(config, options, run)
    trained = load_trained(run, options.tower_devices)
    check_same_classes(run, source)
    validation = Records(source, source.validation, cache_gb=0)
    result = evaluate_and_report(
        run, trained.network, trained.crop, source, validation, options.crops
    )
    if options.json:
        print(json.dumps(result))
    return 0


def evaluate_ensemble(options):
    """Evaluates each of --runs and the mean of their probabilities."""
    openers = open_members(options.runs, options.crops, options.tower_devices)
    run = next((r for r in map(Run, options.runs) if r.exists), None)
    config = config_for(options, run)
    source = open_source(config, options, run)
    validation = Records(source, source.validation, cache_gb=0)
    members, evaluations = [], []
    for opener in openers:
        member = opener()
        members.append(member)
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
    results = [
        result_of(name, source, options.crops, evaluation)
        for name, evaluation in zip(names, evaluations, strict=True)
    ]
    print(markdown(results), end="")
    _warn_about_missing(evaluations[-1], validation)
    if options.results_dir:
        write_table(pathlib.Path(options.results_dir), results)
    if options.json:
        print(json.dumps([dataclasses.asdict(result) for result in results]))
    return 0


def check_source_classes(member, source):
    """Raises `UserError` if a member knows other classes than the source."""
    if member.class_names != tuple(source.class_names):
        raise UserError(
            f"{member.name} was trained on {len(member.class_names)} other "
            f"classes than the {len(source.class_names)} of {source.name}: "
            "name the data it was trained on with --config and --data_dir"
        )


def result_of(name, source, crops, evaluation):
    """A `Result` of one network or ensemble."""
    return Result(
        name=name,
        dataset=f"{source.name} {SPLIT}",
        crops=CROPS[crops],
        images=len(evaluation.labels),
        top1_error=evaluation.error(1),
        top1_interval=evaluation.interval(1),
        top5_error=evaluation.error(5),
        top5_interval=evaluation.interval(5),
    )


def write_table(folder, results):
    """Writes results.md and results.csv."""
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "results.md", markdown(results))
        write_text(folder / "results.csv", as_csv(results))


def evaluate_and_report(run, network, crop, source, records, crops):
    """Evaluates a network on the validation images, prints and writes it.

    Args:
        run: the `Run` that evaluation.json, per_class.csv, confusion.csv and
            confusion.png go to.
        network: from uint8 crops to logits.
        crop: side of a crop, in pixels.
        source: the `Source` of the images.
        records: `Records` of its validation split.
        crops: 1 (centre) or 10 views per image.

    Returns:
        What --json prints: a dict, the errors in it fractions.

    Raises:
        UserError: no image can be decoded, or the run folder cannot be
            written; what was found is printed by then.
    """
    try:
        evaluation = evaluate(network, records, crop, crops)
    except DATA_ERRORS:
        damaged = records.find_damaged()
        if not damaged:
            raise
        records.leave_out_damaged(d.number for d in damaged)
        print(
            f"warning: {len(damaged)} of {records.split.size} images are "
            f"damaged or gone and left out: {listed(damaged)}",
            file=sys.stderr,
        )
        evaluation = evaluate(network, records, crop, crops)
    confusion = evaluation.confusion()
    result = {
        "run": str(run.path),
        "dataset": source.name,
        "split": SPLIT,
        "crops": crops,
        "samples": len(evaluation.labels),
        "top1_error": evaluation.error(1),
        "top1_interval": evaluation.interval(1),
        "top5_error": evaluation.error(5),
        "top5_interval": evaluation.interval(5),
    }
    _print_result(result, per_class(confusion, source.class_names))
    _warn_about_missing(evaluation, records)
    write_table(run.path, [result_of(str(run.path), source, crops, evaluation)])
    _write_result(run, result, confusion, source.class_names)
    return result


def _print_result(result, rows):
    """Per-class accuracy, then both errors."""
    width = max(len(name) for name, _, _ in rows)
    if len(rows) <= 100:
        print(f"{'class':{width}}  images  accuracy")
        for name, images, accuracy in rows:
            print(f"{name:{width}}  {images:6d}  {accuracy:8.3f}")
    views = {1: "centre crop", 10: "ten crops"}[result["crops"]]
    print(
        f"{result['dataset']} {SPLIT}, {result['samples']} images, {views}: "
        f"top-1 error {result['top1_error']:.4f}, "
        f"top-5 error {result['top5_error']:.4f}, "
        f"top-1 accuracy {1 - result['top1_error']:.4f}"
    )
    top1, top5 = (
        "{:.4f} to {:.4f}".format(*result[f"top{k}_interval"]) for k in (1, 5)
    )
    print(f"95 % intervals: top-1 error {top1}, top-5 error {top5}")


def _write_result(run, result, confusion, names):
    text = json.dumps(result, indent=2) + "\n"
    with writable(f"run folder {run.path}"):
        write_text(run.evaluation_file, text)
        write_confusion(run.confusion_file, confusion, names)
        write_per_class(run.path / "per_class.csv", confusion, names)
        draw_confusion(run.figures_folder / "confusion.png", confusion, names)


def _warn_about_missing(evaluation, records):
    if len(evaluation.ids) == records.left:
        return
    missing = records.missing(evaluation.ids)
    if len(missing):
        print(
            f"warning: {len(evaluation.ids)} of {records.split.size} images "
            f"were evaluated, these cannot be decoded:\n"
            f"{records.names(missing)}",
            file=sys.stderr,
        )
