"""A page about an exported model, for whoever finds it later."""

import datetime
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.config import changed_values
from alexnet_tf.evaluation.shared_crops import why_not_shared
from alexnet_tf.evaluation.tables import VIEWS, Outcome
from alexnet_tf.files.text import counted, few
from alexnet_tf.run.ancestry import ancestry
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import TrainedNetwork
from alexnet_tf.terminal.command import command
from configs import paper

MOST_NAMES = 20


def model_card(
    run: Run,
    trained: TrainedNetwork,
    signatures: Iterable[str],
    *,
    outcome: Outcome | None,
    precision: str,
    temperature: float | None,
) -> str:
    """What the model is, as Markdown.

    Args:
        run: the `Run` that it comes from.
        trained: its `TrainedNetwork`.
        signatures: {name: (function, TensorSpecs)} of the export.
        outcome: of an evaluation of these weights; None: there was none.
        precision: that it computes in, such as float32.
        temperature: by which the probabilities are calibrated; None: they are
            not.
    """
    config = run.read_config()
    sections = [
        _summary(run, trained, precision),
        _data(run, trained),
        *_beginning(run),
        _accuracy(run, outcome),
        *_calibration(outcome, temperature),
        _recipe(config, run),
        _deviations(config),
        _use(signatures),
    ]
    return "\n".join(sections)


def card_values(
    run: Run, precision: str, outcome: Outcome | None
) -> dict[str, Any]:
    """What of the card a program shows, as JSON values.

    Args:
        run: the `Run` that the model comes from.
        precision: that it computes in, such as float32.
        outcome: of an evaluation of these weights; None: there was none.

    Returns:
        {"run", "exported", "precision", "data", "train_images",
        "validation_images", "licence", "accuracy": None where it was not
        measured, or {"top1_error", "top5_error" (None where it means nothing),
        "images", "data", "split", "crops", "coverage": [[threshold, coverage,
        error], ...], see `CoveragePoint`, or None}}; errors are fractions.
    """
    dataset = run.read_dataset()
    return {
        "run": run.path.name,
        "exported": datetime.date.today().isoformat(),
        "precision": precision,
        "data": dataset["name"],
        "train_images": dataset["train_images"],
        "validation_images": dataset["validation_images"],
        "licence": dataset["licence"],
        "accuracy": outcome
        and {
            "top1_error": outcome.top1_error,
            "top5_error": outcome.top5_error if outcome.has_top5 else None,
            "images": outcome.samples,
            "data": outcome.dataset,
            "split": outcome.split,
            "crops": outcome.crops,
            "coverage": outcome.coverage
            and [[p.threshold, p.coverage, p.error] for p in outcome.coverage],
        },
    }


def _summary(run: Run, trained: TrainedNetwork, precision: str) -> str:
    weights = trained.network.count_params()
    classes = counted(len(trained.class_names), "class", "classes")
    return f"""# AlexNet, {classes}

The network of Krizhevsky, Sutskever and Hinton (NIPS 2012), trained and
exported with TensorFlow {tf.__version__} and Keras {keras.__version__}.

- Exported: {datetime.date.today().isoformat()}, from the run {run.path.name}
- Parameters, mean image and lighting included: {weights:,}
- Precision: {precision}
- Input: JPEG, PNG, GIF, BMP or WebP files; shorter side to 256, central
  256x256, ten crops of {trained.crop}x{trained.crop}, minus the mean image,
  0..255
- Output: class names and probabilities, averaged over the ten crops
- Ten crops: {_crops(trained)}
"""


def _crops(trained: TrainedNetwork) -> str:
    reason = why_not_shared(trained.network, trained.crop)
    if reason:
        return f"conv1 is computed for each by itself, since\n  {reason}"
    return "conv1 is computed once for the whole image and its mirror image"


def _data(run: Run, trained: TrainedNetwork) -> str:
    dataset = run.read_dataset()
    names = few(trained.class_names, MOST_NAMES)
    if len(trained.class_names) > MOST_NAMES:
        names += " (all in assets/labels.txt)"
    return f"""## Data

- Set: {dataset["name"]}, {_counts(dataset)}{_origin(dataset)}
- Licence: {dataset["licence"]}
- Classes: {names}
"""


def _origin(dataset: dict[str, Any]) -> str:
    if "imported_from" not in dataset:
        return ""
    file, digest = dataset["imported_from"].values()
    return f"\n- Weights: imported from {file}, SHA-256\n  {digest}"


def _beginning(run: Run) -> list[str]:
    """A section about the network that training began with, if any."""
    sentences = ancestry(run)
    if not sentences or "imported_from" in run.read_dataset():
        return []
    listed = "\n".join(f"- {sentence}" for sentence in sentences)
    return [f"## What training began with\n\n{listed}\n"]


def _counts(dataset: dict[str, Any]) -> str:
    sizes = dataset["train_images"], dataset["validation_images"]
    if None in sizes:
        return "number of images unknown"
    return "{:,} training and\n  {:,} validation images".format(*sizes)


def _accuracy(run: Run, outcome: Outcome | None) -> str:
    if outcome is None:
        return f"""## Accuracy

Not measured. `{command("evaluate", run=run.path)}` does it; a new
export will then say.
"""
    top5 = ("", "", "")
    if outcome.has_top5:
        top5 = (" top-5 error |", "---|", f" {outcome.top5_error:.2%} |")
    table = f"""| top-1 error |{top5[0]}
|---|{top5[1]}
| {outcome.top1_error:.2%} |{top5[2]}"""
    return f"""## Accuracy

Measured on {counted(outcome.samples, "image")} of {outcome.dataset}
({outcome.split}), {VIEWS[outcome.crops]}:

{table}
"""


def _calibration(
    outcome: Outcome | None, temperature: float | None
) -> list[str]:
    """A section about the temperature that is built in, if any."""
    if temperature is None or outcome is None:
        return []
    return [
        f"""## Calibration

The scores and probabilities of an image are calibrated with a temperature T of
{temperature:.4f}: those averaged over the ten crops are raised to the power of
1/T and normalized. It was fitted on the {counted(outcome.samples, "image")}
above, where it brings the expected calibration error from
{outcome.calibration_error:.4f} to {outcome.tempered_error:.4f}; on others it
helps a little less. The order of the classes stays.
"""
    ]


def _recipe(config: ConfigDict, run: Run) -> str:
    train = config.train
    chosen = (
        "The weights were imported; these values were not used here."
        if "imported_from" in run.read_dataset()
        else "The weights are those of the epoch with the lowest validation "
        "top-1 error."
    )
    epochs = counted(train.epochs, "epoch")
    return f"""## Recipe

Batch {train.batch_size}, learning rate {train.lr}, momentum {train.momentum},
weight decay {train.weight_decay}, {epochs}, seed {train.seed}.
{chosen}
"""


def _deviations(config: ConfigDict) -> str:
    rows = [
        f"| `{key}` | {there} | {here} |"
        for section in ("data", "model", "train")
        for key, there, here in changed_values(
            section, paper.get_config(), config
        )
    ]
    if not rows:
        return "## Deviations from the paper\n\nNone in the config.\n"
    return "\n".join(
        [
            "## Deviations from the paper",
            "",
            "| option | the paper (`configs/paper.py`) | this model |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _use(signatures: Iterable[str]) -> str:
    names = ", ".join(f"`{name}`" for name in signatures)
    return f"""## Use

Signatures: {names}. The model names one of its classes for every picture,
also for one that shows none of them. Where an image cannot be decoded,
`valid` is false.
"""
