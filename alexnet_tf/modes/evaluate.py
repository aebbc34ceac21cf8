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
    result = evaluate_and_report(
        run, trained.network, trained.crop, source, validation, options.crops
    )
    if options.json:
        print(json.dumps(result))
    return 0


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
    evaluation = evaluate(network, records, crop, crops)
    confusion = evaluation.confusion()
    result = {
        "run": str(run.path),
        "dataset": source.name,
        "split": SPLIT,
        "crops": crops,
        "samples": len(evaluation.labels),
        "top1_error": evaluation.error(1),
        "top5_error": evaluation.error(5),
    }
    _print_result(result, per_class(confusion, source.class_names))
    _warn_about_missing(evaluation, records)
    _write_result(run, result, confusion, source.class_names)
    return result


def _print_result(result, rows):
    """Per-class accuracy, then both errors."""
    width = max(len(name) for name, _, _ in rows)
    if len(rows) <= 100:
        print(f"{'class':{width}}  images  accuracy")
        for name, images, accuracy in rows:
            print(f"{name:{width}}  {images:6d}  {accuracy:8.3f}")
    views = "ten crops" if result["crops"] == 10 else "centre crop"
    print(
        f"{result['dataset']} {SPLIT}, {result['samples']} images, {views}: "
        f"top-1 error {result['top1_error']:.4f}, "
        f"top-5 error {result['top5_error']:.4f}, "
        f"top-1 accuracy {1 - result['top1_error']:.4f}"
    )


def _write_result(run, result, confusion, names):
    text = json.dumps(result, indent=2) + "\n"
    with writable(f"run folder {run.path}"):
        write_text(run.evaluation_file, text)
        write_confusion(run.confusion_file, confusion, names)
        write_per_class(run.path / "per_class.csv", confusion, names)
        draw_confusion(run.figures_folder / "confusion.png", confusion, names)


def _warn_about_missing(evaluation, records):
    missing = records.missing(evaluation.ids)
    if len(missing):
        print(
            f"warning: {len(evaluation.ids)} of {records.split.size} images "
            f"were evaluated, these cannot be decoded:\n"
            f"{records.names(missing)}",
            file=sys.stderr,
        )
