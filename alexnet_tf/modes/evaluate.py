"""--mode=evaluate: errors of a run on its validation images."""

import json
import sys

from alexnet_tf.data.records import Records
from alexnet_tf.evaluation.confusion import (
    draw_confusion,
    per_class,
    write_confusion,
    write_per_class,
)
from alexnet_tf.evaluation.evaluate import evaluate
from alexnet_tf.files import writable, write_text
from alexnet_tf.modes.setup import check_same_classes, config_for, open_source
from alexnet_tf.run import trained_run
from alexnet_tf.trained import load_trained

SPLIT = "validation"


def main(options):
    """Evaluates the best weights of a run; returns the exit code."""
    run = trained_run(options.run)
    config = config_for(options, run)
    source = open_source(config, options, run)
    trained = load_trained(run, options.tower_devices)
    check_same_classes(run, source)
    validation = Records(source, source.validation, cache_gb=0)
    evaluation = evaluate(
        trained.network, validation, trained.crop, options.crops
    )
    print_evaluation(evaluation, source, options.crops)
    write_evaluation(run, evaluation, source, validation, options.crops)
    if options.json:
        print(json.dumps(result(run, evaluation, source, options.crops)))
    return 0


def result(run, evaluation, source, crops):
    """What --json prints; errors are fractions."""
    return {
        "run": str(run.path),
        "dataset": source.name,
        "split": SPLIT,
        "crops": crops,
        "samples": len(evaluation.labels),
        "top1_error": evaluation.error(1),
        "top5_error": evaluation.error(5),
    }


def write_evaluation(run, evaluation, source, records, crops):
    """Writes evaluation.json, per_class.csv, confusion.csv and .png.

    Warns where images of the split are missing from the evaluation.
    """
    confusion = evaluation.confusion()
    names = source.class_names
    text = json.dumps(result(run, evaluation, source, crops), indent=2)
    with writable(f"run folder {run.path}"):
        write_text(run.path / "evaluation.json", text + "\n")
        write_confusion(run.path / "confusion.csv", confusion, names)
        write_per_class(run.path / "per_class.csv", confusion, names)
        draw_confusion(run.figures_folder / "confusion.png", confusion, names)
    _warn_about_missing(evaluation, records)


def print_evaluation(evaluation, source, crops):
    """Per-class accuracy, then both errors."""
    rows = per_class(evaluation.confusion(), source.class_names)
    width = max(len(name) for name, _, _ in rows)
    if len(rows) <= 100:
        print(f"{'class':{width}}  images  accuracy")
        for name, images, accuracy in rows:
            print(f"{name:{width}}  {images:6d}  {accuracy:8.3f}")
    views = "ten crops" if crops == 10 else "centre crop"
    print(
        f"{source.name} {SPLIT}, {len(evaluation.labels)} images, {views}: "
        f"top-1 error {evaluation.error(1):.4f}, "
        f"top-5 error {evaluation.error(5):.4f}, "
        f"top-1 accuracy {1 - evaluation.error(1):.4f}"
    )


def _warn_about_missing(evaluation, records):
    missing = records.missing(evaluation.ids)
    if len(missing):
        print(
            f"warning: {len(evaluation.ids)} of {records.split.size} images "
            f"were evaluated, these cannot be decoded:\n"
            f"{records.names(missing)}",
            file=sys.stderr,
        )
