"""Confusion matrix and per-class accuracy as files."""

import csv
import warnings

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from alexnet_tf.files import replacing

MOST_NAMES = 50  # more do not fit beside the picture


def write_confusion(path, confusion, class_names):
    """Writes counts as CSV: a row per label, a column per best guess."""
    with replacing(path) as temporary, open(temporary, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["label", *class_names])
        for name, counts in zip(class_names, confusion, strict=True):
            writer.writerow([name, *counts])


def write_per_class(path, confusion, class_names):
    """Writes class, number of images and accuracy, a fraction, as CSV."""
    with replacing(path) as temporary, open(temporary, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["class", "images", "accuracy"])
        for name, images, accuracy in per_class(confusion, class_names):
            writer.writerow([name, images, f"{accuracy:.4f}"])


def per_class(confusion, class_names):
    """[(class, images, accuracy)]; accuracy is nan where no image is."""
    images = confusion.sum(axis=1)
    right = np.diagonal(confusion)
    return [
        (name, int(n), r / n if n else float("nan"))
        for name, n, r in zip(class_names, images, right, strict=True)
    ]


def draw_confusion(path, confusion, class_names):
    """Draws the matrix as PNG, each row as shares of its label."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(8, 7), layout="constrained")
    image = axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    figure.colorbar(image, label="share of the label's images")
    axis.set_xlabel("best guess")
    axis.set_ylabel("label")
    if len(class_names) <= MOST_NAMES:
        ticks = range(len(class_names))
        class_names = [name.replace("$", r"\$") for name in class_names]
        axis.set_xticks(ticks, class_names, rotation=90)
        axis.set_yticks(ticks, class_names)
    if len(class_names) <= 20:
        for row, column in np.argwhere(confusion):
            axis.text(
                column,
                row,
                confusion[row, column],
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    with replacing(path) as temporary, warnings.catch_warnings():
        # The font lacks some scripts; boxes stand for their letters.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(temporary, dpi=110)
    plt.close(figure)
