"""--mode=predict: the most probable classes of image files."""

import json
import pathlib
import sys

import numpy as np
import tensorflow as tf

from alexnet_tf.data.preprocess import decode, refusal, to_record
from alexnet_tf.errors import BAD_INPUT, UserError
from alexnet_tf.evaluation.submission import numbers_of, submission_text
from alexnet_tf.files import writable, write_text
from alexnet_tf.members import check_same_answers, open_members, run_member
from alexnet_tf.prediction_text import prediction_text
from alexnet_tf.run import trained_run

SHOWN = 5
CROPS = 10


def main(options):
    """Predicts each file with ten crops; returns the exit code.

    A file that cannot be used is reported in its place, and the exit code is
    2 once all files are done.
    """
    files = files_of(options.images)
    members = load_members(options)
    names = members[0].class_names
    numbers = numbers_of(names, options.synsets) if options.submission else None
    results = [predict_file(members, file) for file in files]
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
    failed = [result for result in results if "error" in result]
    for result in failed:
        print(f"main.py: {result['file']}: {result['error']}", file=sys.stderr)
    return BAD_INPUT if failed else 0


def files_of(images):
    """The files that are named, and those in the folders that are.

    Raises:
        UserError: there are none.
    """
    files = []
    for image in images:
        path = pathlib.Path(image)
        if path.is_dir():
            files += sorted(str(f) for f in path.rglob("*") if f.is_file())
        else:
            files.append(image)
    if not files:
        raise UserError(
            "--mode=predict needs --image=FILE, several files, or a folder "
            "with some"
        )
    return files


def load_members(options):
    """The run, or all of --runs."""
    if not options.runs:
        run = trained_run(options.run)
        return [run_member(run, CROPS, options.tower_devices)]
    openers = open_members(options.runs, CROPS, options.tower_devices)
    members = [opener() for opener in openers]
    check_same_answers(members)
    return members


def predict_file(members, file):
    """{"file", "classes", "probabilities"}, or {"file", "error"}."""
    try:
        record = to_record(decode(pathlib.Path(file).read_bytes()))
    except OSError as error:
        return {"file": file, "error": error.strerror}
    except tf.errors.InvalidArgumentError as error:
        return {"file": file, "error": refusal(error)}
    probabilities = np.mean(
        [member.probabilities(record[None])[0] for member in members], axis=0
    )
    best = probabilities.argsort()[::-1][:SHOWN]
    return {
        "file": file,
        "classes": [members[0].class_names[i] for i in best],
        "probabilities": [float(probabilities[i]) for i in best],
    }
