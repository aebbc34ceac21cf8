"""Query images and their nearest images as a picture (figure 4, right)."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from alexnet_tf.files.figures import literal, save_figure
from alexnet_tf.retrieval.image_index import ImageIndex

CELL_INCHES = 1.4


def draw_sheet(
    path: pathlib.Path,
    queries: np.ndarray,
    results: Sequence[Mapping[str, Any]],
    index: ImageIndex,
) -> None:
    """A row per query: its image in the first column, then the nearest.

    Args:
        path: of the PNG file.
        queries: uint8 [Q, H, W, 3], thumbnails of the queries.
        results: one dict per query with "file" and "neighbours", which have
            "row", "class" and "distance".
        index: the `ImageIndex` that has their thumbnails.
    """
    columns = 1 + max(len(result["neighbours"]) for result in results)
    figure, axes = plt.subplots(
        len(results),
        columns,
        figsize=(CELL_INCHES * columns, (CELL_INCHES + 0.3) * len(results)),
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for row, query, result in zip(axes, queries, results, strict=True):
        _draw(row[0], query, pathlib.Path(result["file"]).name)
        for axis, neighbour in zip(row[1:], result["neighbours"], strict=False):
            _draw(
                axis,
                index.thumbnails[neighbour["row"]],
                f"{neighbour['class']}\n{neighbour['distance']:.4g}",
            )
    save_figure(figure, path)


def _draw(axis: Axes, image: np.ndarray, text: str) -> None:
    axis.imshow(image)
    axis.set_title(literal(text), fontsize=7)
