"""Confusion matrix and per-class accuracy as files."""

import csv

import matplotlib.pyplot as plt
import numpy as np

from alexnet_tf.csv_files import text_of, write_csv
from alexnet_tf.figures import literal, save_figure
from alexnet_tf.files import readable

MOST_NAMES = 50  # more do not fit beside the picture


def write_confusion(path, confusion, class_names):
    """Writes counts as CSV: a row per label, a column per best guess."""
    rows = zip(class_names, confusion, strict=True)
    write_csv(
        path,
        ["label", *class_names],
        [[name, *counts] for name, counts in rows],
    )


def read_confusion(path):
    """What `write_confusion` wrote.

    Returns:
        (int64 [classes, classes], list of class names).

    Raises:
        UserError: the file is damaged.
    """
    with readable(path), open(path, newline="", encoding="utf-8") as file:
        (_, *class_names), *rows = csv.reader(file)
        class_names = list(map(text_of, class_names))
        counts = np.array([row[1:] for row in rows], np.int64)
        return counts.reshape(len(class_names), len(class_names)), class_names


def write_per_class(path, confusion, class_names):
    """Writes class, number of images and accuracy, a fraction, as CSV."""
    write_csv(
        path,
        ["class", "images", "accuracy"],
        [
            [name, images, f"{accuracy:.4f}"]
            for name, images, accuracy in per_class(confusion, class_names)
        ],
    )


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
        class_names = [literal(name) for name in class_names]
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
    save_figure(figure, path)
