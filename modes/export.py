"""--mode=export: a trained run as a file for other programs."""

import pathlib
from collections.abc import Iterator

import numpy as np

from alexnet_tf.analysis.sample_images import chosen_records, examples_of
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.outcome import outcome_of_best_weights
from alexnet_tf.evaluation.tables import Outcome
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.files.text import counted
from alexnet_tf.layers.towers import resolve_tower_devices
from alexnet_tf.options import Options
from alexnet_tf.run.about import about_run, write_about
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.trained import TrainedNetwork, load_trained
from alexnet_tf.terminal.command import command
from export.in_parts import IMAGES_AT_ONCE
from export.keras_format import write_keras
from export.labels import write_labels
from export.model_card import card_values, model_card
from export.pytorch_format import write_pytorch, write_safetensors
from export.signatures import Signatures
from export.tflite_format import write_tflite
from export.warmup import write_warmup
from export.writer import save, write_version
from modes.setup import check_same_classes, open_source

CARD = "model_card.md"
CROPS = 10  # that the exported model averages
QUANTIZED = {"onnx": ("int8",), "tflite": ("float16", "int8")}
RANGE_IMAGES = 64  # from which the ranges of activations are taken


def main(options: Options) -> int:
    """Exports the best weights of a run; returns the exit code."""
    run = trained_run(options.run)
    resolve_tower_devices(
        options.tower_devices, run.read_config().model.towers
    )  # only to refuse names that do not exist
    if options.format != "saved_model" and options.precision != "float32":
        raise UserError(
            f"--format={options.format} is float32: leave out "
            f"--precision={options.precision}, or export a saved_model"
        )
    _check_quantization(options)
    if Run(options.export_dir).exists:
        raise UserError(
            f"--export_dir={options.export_dir} is a run, and a folder cannot "
            "be a run and a model: name another one, or one below it"
        )
    print(about_run(run), flush=True)
    # The network has no pins: no device of this machine may enter the graph.
    trained = load_trained(run, "none", options.precision)
    path = WRITERS[options.format](options, run, trained)
    print(f"exported {run.path} to {path}")
    return 0


def _check_quantization(options: Options) -> None:
    """Refuses combinations of --format, --quantize and --data_dir."""
    name, quantize = options.format, options.quantize
    possible = QUANTIZED.get(name, ())
    if quantize not in ("none", *possible):
        raise UserError(
            f"--format={name} has no --quantize={quantize}: "
            + (
                f"it can be none or {' or '.join(possible)}"
                if possible
                else f"only {' and '.join(QUANTIZED)} have --quantize"
            )
        )
    looks = (name, quantize) == ("onnx", "int8")
    if (options.data_dir or options.download) and not looks:
        raise UserError(
            "--data_dir and --download are for --format=onnx --quantize=int8, "
            "which looks at training images; leave them out"
        )


def _write_saved_model(
    options: Options, run: Run, trained: TrainedNetwork
) -> pathlib.Path:
    base = pathlib.Path(options.export_dir)
    outcome = outcome_of_best_weights(run)
    temperature = None
    if options.calibrate:
        temperature = fitted_temperature(run, outcome)
    signatures = Signatures(
        trained.network,
        trained.crop,
        trained.class_names,
        temperature=temperature,
        card=card_values(run, options.precision, outcome),
    )
    card = model_card(
        run,
        trained,
        signatures.endpoints(),
        outcome=outcome,
        precision=options.precision,
        temperature=temperature,
    )

    def write_contents(version: pathlib.Path) -> None:
        save(version, signatures)
        write_labels(version, trained.class_names)
        write_about(version, run)
        write_warmup(version, model_name=base.resolve().name)
        (version / CARD).write_text(card, "utf-8")

    version = write_version(base, write_contents, options.keep_versions)
    # The card of the newest version stands beside the versions, where a person
    # looks for it.
    with writable(f"--export_dir={base}"):
        write_text(base / CARD, card)
    return version


def fitted_temperature(run: Run, outcome: Outcome | None) -> float:
    """The temperature that the run's ten-crop test fitted.

    Args:
        run: the `Run` that is exported.
        outcome: of its best weights; None: there is none.

    Raises:
        UserError: there is none.
    """
    measure = command("evaluate", run=run.path)
    if outcome is None:
        raise UserError(
            f"--calibrate needs a validation result, and {run.path} has none "
            f"of its weights: {measure} makes it"
        )
    if outcome.crops != CROPS:
        raise UserError(
            f"--calibrate needs the temperature of {CROPS} crops, which the "
            f"export averages, and {run.evaluation_file} has that of "
            f"{outcome.crops}: {measure} measures it"
        )
    if outcome.calibration_error is None:
        raise UserError(
            f"--calibrate: {run.evaluation_file} was written by an earlier "
            f"version, which fitted no temperature: {measure} does"
        )
    if outcome.temperature is None:
        raise UserError(
            "--calibrate: no temperature fits the validation images of "
            f"{run.path}, as where every answer is right: leave it out, or "
            "evaluate on more images"
        )
    print(
        f"calibrated with a temperature of {outcome.temperature:.4f}: expected "
        f"calibration error {outcome.calibration_error:.4f} without and "
        f"{outcome.tempered_error:.4f} with it, on the images that it was "
        "fitted on"
    )
    return outcome.temperature


def _write_onnx(
    options: Options, run: Run, trained: TrainedNetwork
) -> pathlib.Path:
    from export.onnx_format import write_onnx

    images = None
    if options.quantize == "int8":
        images = _training_images(options, run)
    return write_onnx(options.export_dir, trained, images)


def _training_images(options: Options, run: Run) -> Iterator[np.ndarray]:
    """Some of the run's training images, in batches [B, 256, 256, 3]."""
    config = run.read_config()
    source = open_source(config, options, run)
    check_same_classes(run, source)
    records = chosen_records(
        source, source.train, RANGE_IMAGES, config.train.seed
    )
    images = np.stack([each["image"] for each in examples_of(records)])
    print(
        f"the ranges of the 8-bit integers are those of "
        f"{counted(len(images), 'training image')} of {source.name}",
        flush=True,
    )
    for first in range(0, len(images), IMAGES_AT_ONCE):
        yield images[first : first + IMAGES_AT_ONCE]


# Function of the options, the `Run` and its `TrainedNetwork`: a path.
WRITERS = {
    "saved_model": _write_saved_model,
    "onnx": _write_onnx,
    "tflite": lambda options, _, trained: write_tflite(
        options.export_dir, trained, options.quantize
    ),
    "keras": lambda options, _, trained: write_keras(
        options.export_dir, trained
    ),
    "safetensors": lambda options, run, trained: write_safetensors(
        options.export_dir, run, trained
    ),
    "pytorch": lambda options, run, trained: write_pytorch(
        options.export_dir, run, trained
    ),
}
