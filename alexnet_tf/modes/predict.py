"""--mode=predict: the most probable classes of image files."""

import json

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.modes.image_files import (
    UnusableImage,
    read_record,
    report_failed,
)
from alexnet_tf.prediction_text import prediction_text
from alexnet_tf.run import trained_run
from alexnet_tf.trained import load_trained

SHOWN = 5


def main(options):
    """Predicts each file with ten crops; returns the exit code.

    A file that cannot be used is reported in its place, and the exit code is
    2 once all files are done.
    """
    if not options.images:
        raise UserError("--mode=predict needs --image=FILE, or several files")
    trained = load_trained(trained_run(options.run), options.tower_devices)
    results = [predict_file(trained, file) for file in options.images]
    if options.json:
        print(json.dumps(results))
    else:
        print("\n".join(map(prediction_text, results)))
    return report_failed(results)


def predict_file(trained, file):
    """{"file", "classes", "probabilities"}, or {"file", "error"}."""
    try:
        record = read_record(file)
    except UnusableImage as error:
        return {"file": file, "error": str(error)}
    [probabilities] = ten_crop_probabilities(
        trained.network, record[None], trained.crop
    ).numpy()
    best = probabilities.argsort()[::-1][:SHOWN]
    return {
        "file": file,
        "classes": [trained.class_names[i] for i in best],
        "probabilities": [float(probabilities[i]) for i in best],
    }
