"""Test images and their most probable labels (figure 4, left)."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.files.figures import literal, save_figure

SHOWN = 5  # labels of an image
COLUMNS = 4
RIGHT, OTHER = "#8fcf9c", "#c3d0e0"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledPrediction:
    """What the network says of an image whose class is known.

    Attributes:
        id: of the example.
        image: uint8 [256, 256, 3], 0..255.
        label: of the right class.
        guesses: the most probable labels, best first.
        probabilities: of the guesses.
        right: probability of the right class.
    """

    id: int
    image: np.ndarray
    label: int
    guesses: tuple[int, ...]
    probabilities: tuple[float, ...]
    right: float


def predict_examples(
    network: keras.Model, examples: Sequence[Mapping[str, Any]], crop: int
) -> list[LabelledPrediction]:
    """Predicts images with ten crops.

    Args:
        network: from uint8 crops to logits.
        examples: see `chosen.examples_of`; at least one.
        crop: side of a crop, in pixels.

    Returns:
        A `LabelledPrediction` for each.
    """
    images = np.stack([example["image"] for example in examples])
    predicted = ten_crop_probabilities(network, images, crop).numpy()
    predictions = []
    for example, probabilities in zip(examples, predicted, strict=True):
        best = np.argsort(-probabilities, kind="stable")[:SHOWN]
        predictions.append(
            LabelledPrediction(
                id=example["id"],
                image=example["image"],
                label=example["label"],
                guesses=tuple(map(int, best)),
                probabilities=tuple(map(float, probabilities[best])),
                right=float(probabilities[example["label"]]),
            )
        )
    return predictions


def draw_predictions(
    path: pathlib.Path,
    predictions: Sequence[LabelledPrediction],
    class_names: Iterable[str],
) -> None:
    """Draws a sheet: each image, its class, and a bar for each guess.

    Args:
        path: of the PNG file.
        predictions: at least one `LabelledPrediction`.
        class_names: one per label.
    """
    names = [literal(name) for name in class_names]
    columns = min(COLUMNS, len(predictions))
    rows = -(-len(predictions) // columns)
    figure, axes = plt.subplots(
        2 * rows,
        columns,
        figsize=(2.4 * columns, 3.7 * rows),
        height_ratios=[2.4, 1.3] * rows,
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for i, prediction in enumerate(predictions):
        row, column = 2 * (i // columns), i % columns
        axes[row, column].imshow(prediction.image)
        axes[row, column].set_title(
            shortened(names[prediction.label], 26), fontsize=10
        )
        _draw_bars(axes[row + 1, column], prediction, names)
    save_figure(figure, path)


def _draw_bars(
    axis: Axes, prediction: LabelledPrediction, names: list[str]
) -> None:
    places = range(len(prediction.guesses))
    axis.barh(
        places,
        prediction.probabilities,
        color=[
            RIGHT if guess == prediction.label else OTHER
            for guess in prediction.guesses
        ],
        height=0.86,
    )
    for place, guess in zip(places, prediction.guesses, strict=True):
        is_right = guess == prediction.label
        axis.text(
            0.02,
            place,
            shortened(names[guess], 28),
            va="center",
            fontsize=8,
            fontweight="bold" if is_right else None,
        )
    axis.set_xlim(0, 1)
    axis.set_ylim(SHOWN - 0.5, -0.5)


def shortened(name: str, most: int) -> str:
    """The beginning of a name, so that it takes `most` letters at most."""
    return name if len(name) <= most else name[: most - 1] + "…"
