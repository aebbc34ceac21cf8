"""--mode=predict: the most probable classes of image files."""

import json
import pathlib
from typing import Any

import numpy as np

from alexnet_tf.evaluation.ensemble import (
    Member,
    check_same_answers,
    open_members,
    run_member,
)
from alexnet_tf.evaluation.submission import numbers_of, submission_text
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.files.text import printable
from alexnet_tf.options import Options
from alexnet_tf.run.folder import trained_run
from alexnet_tf.terminal.prediction_text import prediction_text
from modes.image_files import (
    UnusableImage,
    files_of,
    read_record,
    report_failed,
    with_progress,
)

SHOWN = 5
CROPS = 10


def main(options: Options) -> int:
    """Predicts each file with ten crops; returns the exit code.

    A file that cannot be used is reported in its place, and the exit code is
    2 once all files are done.
    """
    files = files_of(options.images, "predict")
    members = load_members(options)
    print("\n".join(member.about for member in members), flush=True)
    names = members[0].class_names
    numbers = numbers_of(names, options.synsets) if options.submission else {}
    results = [
        predict_file(members, file) for file in with_progress(files, "predict")
    ]
    if options.submission:
        with writable(options.submission):
            write_text(
                pathlib.Path(options.submission),
                submission_text(results, numbers),
            )
    if options.json:
        print(json.dumps(results))
    else:
        print("\n".join(map(prediction_text, results)))
    return report_failed(results)


def load_members(options: Options) -> list[Member]:
    """The run, or all of --runs."""
    if not options.runs:
        run = trained_run(options.run)
        return [run_member(run, CROPS, options.tower_devices)]
    openers = open_members(options.runs, CROPS, options.tower_devices)
    members = [opener() for opener in openers]
    check_same_answers(members)
    return members


def predict_file(members: list[Member], file: str) -> dict[str, Any]:
    """{"file", "classes", "probabilities"}, or {"file", "error"}."""
    shown = printable(file)
    try:
        record = read_record(file)
    except UnusableImage as error:
        return {"file": shown, "error": str(error)}
    probabilities = np.mean(
        [member.probabilities(record[None])[0] for member in members], axis=0
    )
    best = probabilities.argsort()[::-1][:SHOWN]
    return {
        "file": shown,
        "classes": [members[0].class_names[i] for i in best],
        "probabilities": [float(probabilities[i]) for i in best],
    }
