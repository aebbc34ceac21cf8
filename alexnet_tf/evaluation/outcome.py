"""What an evaluation found: measured, printed, written and read again."""

import dataclasses
import datetime
import hashlib
import json
import math
import pathlib
import re
import sys
from typing import Any

import keras
import numpy as np

from alexnet_tf.data.damage import DATA_ERRORS, listed, read_damaged
from alexnet_tf.data.image_set import Source
from alexnet_tf.data.records import Records
from alexnet_tf.data.remembered import (
    changed_contents,
    count_trained_on,
    read_remembered,
)
from alexnet_tf.data.sources.imagenet_classes import are_imagenets
from alexnet_tf.data.statistics import Statistics
from alexnet_tf.evaluation.by_class import (
    ClassResult,
    balanced_accuracy,
    class_results,
    counts_of,
    macro_f1,
)
from alexnet_tf.evaluation.calibration import Bin, calibration
from alexnet_tf.evaluation.coverage import CoveragePoint, coverage_curve
from alexnet_tf.evaluation.evaluate import Evaluation, evaluate
from alexnet_tf.evaluation.mistakes import (
    LabelError,
    Mistake,
    label_errors,
    mistakes,
)
from alexnet_tf.evaluation.tables import (
    MOST_LISTED,
    VIEWS,
    Outcome,
    as_csv,
    draw_confusion,
    markdown,
    write_confused,
    write_confusion,
    write_per_class,
    write_rows,
)
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.files.text import counted, read_text
from alexnet_tf.run.folder import Run
from alexnet_tf.terminal.command import command

SPLIT = "validation"
MOST_CLASSES = 100  # of a table that is printed
# What the lists of an `Outcome` consist of.
ROWS = {
    "per_class": ClassResult,
    "reliability": Bin,
    "coverage": CoveragePoint,
    "mistakes": Mistake,
    "label_errors": LabelError,
}


def outcome_of(
    name: str,
    source: Source,
    crops: int,
    evaluation: Evaluation,
    data_dir: str | None = None,
) -> Outcome:
    """The `Outcome` of one network or ensemble.

    Args:
        name: path of the run or the export, or the ensemble in words.
        source: the `Source` whose validation split was evaluated.
        crops: 1 (centre) or 10 views per image.
        evaluation: the predictions.
        data_dir: folder of the images, where they have one.
    """
    assert source.validation  # it was evaluated
    labels, probabilities = evaluation.labels, evaluation.probabilities
    calibrated = calibration(labels, probabilities)
    confusion = evaluation.confusion()
    counts = counts_of(confusion)
    found = evaluation, source.class_names, source.validation.key
    suspects = label_errors(*found)
    now = datetime.datetime.now().astimezone().isoformat("T", "seconds")
    return Outcome(
        run=name,
        dataset=source.name,
        split=SPLIT,
        crops=crops,
        samples=len(labels),
        top1_error=evaluation.error(1),
        top1_interval=evaluation.interval(1),
        top5_error=evaluation.error(5),
        top5_interval=evaluation.interval(5),
        balanced_accuracy=balanced_accuracy(*counts),
        macro_f1=macro_f1(*counts),
        calibration_error=calibrated.error,
        temperature=calibrated.temperature,
        tempered_error=calibrated.tempered_error,
        per_class=tuple(class_results(confusion, source.class_names)),
        reliability=calibrated.bins,
        coverage=coverage_curve(labels, probabilities),
        mistakes=tuple(mistakes(*found)),
        label_errors=tuple(suspects),
        probable_label_errors=len(suspects),
        classes=len(source.class_names),
        data_dir=data_dir and str(pathlib.Path(data_dir).resolve()),
        fingerprint=source.fingerprint,
        time=now,
    )


def read_outcome(file: pathlib.Path) -> Outcome | None:
    """What `evaluate_and_report` wrote to a JSON file; None without a file.

    Raises:
        UserError: the file is damaged.
    """
    if not file.is_file():
        return None
    with readable(file):
        return outcome_from(json.loads(read_text(file)))


def outcome_of_best_weights(run: Run) -> Outcome | None:
    """What the last evaluation of a run found, if it was of its weights.

    A run that was trained on since then has others, which is said. What an
    earlier version of the program wrote is taken as it is.

    Raises:
        UserError: the file is damaged.
    """
    outcome = read_outcome(run.evaluation_file)
    if not outcome or outcome.weights_sha256 in (None, run.weights_sha256()):
        return outcome
    print(
        f"{run.evaluation_file} is left out: it is of weights that the run had "
        f"before it was trained on; {command('evaluate', run=run.path)} "
        "writes it anew",
        file=sys.stderr,
    )
    return None


def outcome_of_training(run: Run) -> Outcome | None:
    """That of the ten-crop test at the end of training.

    Evaluations that come later do not change it. None where the run is not
    finished.

    Raises:
        UserError: the file is damaged.
    """
    if not run.is_finished:
        return None
    with readable(run.finished_file):
        return outcome_from(json.loads(read_text(run.finished_file))["outcome"])


def outcome_from(values: Any) -> Outcome:
    """The `Outcome` that `outcome_values` made a dict of.

    Raises:
        ValueError: these are no such values.
    """
    try:
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.items()
        }
        for key, kind in ROWS.items():
            if arguments.get(key) is not None:
                arguments[key] = tuple(_row(kind, r) for r in arguments[key])
        return Outcome(**arguments)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"this is no result of an evaluation: {error}") from (
            None
        )


def outcome_values(outcome: Outcome) -> dict[str, Any]:
    """An `Outcome` as JSON has it.

    What cannot be said, as the recall of a class without images, is None. Of
    mistakes and label errors there are the first `MOST_LISTED`.
    """
    values = dataclasses.asdict(outcome)
    for key in ROWS:
        if values[key] is not None:
            values[key] = [
                {k: None if v != v else v for k, v in row.items()}
                for row in values[key]
            ]
    for key in ("mistakes", "label_errors"):
        if values[key] is not None:
            values[key] = values[key][:MOST_LISTED]
    return values


def _row(kind: type, values: dict[str, Any]) -> Any:
    """What `outcome_values` made of a row."""
    return kind(**{k: math.nan if v is None else v for k, v in values.items()})


def evaluate_and_report(
    run: Run,
    network: keras.Model,
    crop: int,
    source: Source,
    records: Records,
    crops: int,
    data_dir: str | None = None,
    folder: pathlib.Path | None = None,
) -> Outcome:
    """Evaluates a network on the validation images, prints and writes it.

    Args:
        run: the `Run` of the network.
        network: from uint8 crops to logits.
        crop: side of a crop, in pixels.
        source: the `Source` of the images.
        records: `Records` of its validation split.
        crops: 1 (centre) or 10 views per image.
        data_dir: folder of the images, where they have one.
        folder: where evaluation.json, the tables beside it,
            figures/confusion.png and results.* go; None: to the run.

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
    outcome = dataclasses.replace(
        outcome_of(str(run.path), source, crops, evaluation, data_dir),
        weights_sha256=run.weights_sha256(),
    )
    _print_outcome(outcome, source.title)
    warn_about_missing(evaluation, records)
    folder = folder or run.path
    write_tables(folder, [outcome], source.class_names)
    _write_outcome(folder, outcome, evaluation.confusion(), source.class_names)
    return outcome


def other_data_folder(
    run: Run, source: Source, data_dir: str | None
) -> pathlib.Path | None:
    """Where the result goes if the images are not those of the run.

    So that it does not take the place of the run's own.

    Returns:
        A folder under evaluations/ of the run, named after that of the images
        and their fingerprint; None where they are the run's own: they have
        the names, sizes and, as far as the run remembers some, the contents
        that they had. Of a run that was not trained here all are its own.
    """
    trained_on = run.read_dataset().get("fingerprint")
    if trained_on is None and run.statistics_file.is_file():
        # A run of an earlier version is followed by limit and seed.
        known = Statistics.load(run.statistics_file).fingerprint
        is_same = known.startswith(f"{source.name}: {source.fingerprint},")
    else:
        is_same = trained_on in (None, source.fingerprint)
    if is_same:
        remembered = read_remembered(run.images_file)
        damaged = [image.name for _, image in read_damaged(run.damaged_file)]
        is_same = not changed_contents(source, remembered, damaged)
    if is_same:
        return None
    name = re.sub(r"\W+", "_", pathlib.Path(data_dir or source.name).name)
    digest = hashlib.sha256(source.fingerprint.encode()).hexdigest()[:8]
    return run.path / "evaluations" / f"{name}-{digest}"


def warn_of_trained_on(run: Run, source: Source) -> None:
    """Says how many validation images a run was trained on, if any.

    Args:
        run: the `Run` that is evaluated.
        source: of the images, which need not be the run's own.
    """
    assert source.validation  # it is evaluated
    found, is_all = count_trained_on(
        source.validation,
        read_remembered(run.images_file),
        run.read_dataset().get("train_images", 0),
    )
    if found:
        print(
            f"warning: {run.path} was trained on "
            f"{'' if is_all else 'at least '}{found:,} of these "
            f"{counted(source.validation.size, 'image')}: the errors are too "
            "low for new ones",
            file=sys.stderr,
        )


def write_tables(
    folder: pathlib.Path, outcomes: list[Outcome], class_names: tuple[str, ...]
) -> None:
    """Writes results.md and results.csv.

    The paper's errors stand below where the classes are ImageNet's.
    """
    published = are_imagenets(class_names)
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "results.md", markdown(outcomes, published))
        write_text(folder / "results.csv", as_csv(outcomes, published))


def warn_about_missing(evaluation: Evaluation, records: Records) -> None:
    """Names the images that are not among those evaluated."""
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


def _print_outcome(outcome: Outcome, title: str) -> None:
    """What was found about each class, then about all of them.

    Args:
        outcome: what was found.
        title: of the data set; "": as its name.
    """
    rows = outcome.per_class or ()
    width = max(map(len, ("class", *(row.name for row in rows))))
    if len(rows) <= MOST_CLASSES:
        print(f"{'class':{width}}  images  precision  recall     F1")
        for row in rows:
            reached = (
                f"{row.precision:9.3f}  {row.recall:6.3f}  {row.f1:5.3f}"
                if row.images
                else "no images"
            )
            print(f"{row.name:{width}}  {row.images:6d}  {reached}")
    top1, top5 = (
        "{:.4f} to {:.4f}".format(*interval)
        for interval in (outcome.top1_interval, outcome.top5_interval)
    )
    error5 = interval5 = ""
    if outcome.has_top5:
        error5 = f"top-5 error {outcome.top5_error:.4f}, "
        interval5 = f", top-5 error {top5}"
    print(
        f"{title or outcome.dataset} {outcome.split}, {outcome.samples} "
        f"images, {VIEWS[outcome.crops]}: "
        f"top-1 error {outcome.top1_error:.4f}, {error5}"
        f"top-1 accuracy {1 - outcome.top1_error:.4f}"
    )
    print(
        "each class counted the same: balanced accuracy "
        f"{outcome.balanced_accuracy:.4f}, macro F1 {outcome.macro_f1:.4f}"
    )
    tempered = (
        "no temperature fits"
        if outcome.temperature is None
        else f"{outcome.tempered_error:.4f} with a temperature of "
        f"{outcome.temperature:.3f}, fitted on these images"
    )
    print(
        f"expected calibration error {outcome.calibration_error:.4f}; "
        f"{tempered}"
    )
    if outcome.probable_label_errors:
        doubt = (
            "; many of them are right, the network has learned too little"
            if outcome.top1_error > 0.5
            else ""
        )
        print(
            f"probable label errors: {outcome.probable_label_errors:,} of "
            f"{counted(outcome.samples, 'image')}, listed in label_errors.csv"
            f"{doubt}"
        )
    print(f"95 % intervals: top-1 error {top1}{interval5}")


def _write_outcome(
    folder: pathlib.Path,
    outcome: Outcome,
    confusion: np.ndarray,
    names: tuple[str, ...],
) -> None:
    text = json.dumps(outcome_values(outcome), indent=2) + "\n"
    run = Run(folder)  # its files have the same names
    with writable(f"folder {folder}"):
        run.figures_folder.mkdir(parents=True, exist_ok=True)
        write_confusion(run.confusion_file, confusion, names)
        write_per_class(folder / "per_class.csv", outcome.per_class or ())
        write_confused(folder / "confused.csv", confusion, names)
        for key in ("reliability", "coverage", "mistakes", "label_errors"):
            rows = getattr(outcome, key)
            write_rows(folder / f"{key}.csv", ROWS[key], rows)
        draw_confusion(run.figures_folder / "confusion.png", confusion, names)
        # This comes last: what names the result is there when the rest of it
        # is.
        write_text(run.evaluation_file, text)
