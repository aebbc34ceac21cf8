"""Training images that fc7 finds alike (figure 4, right)."""

import dataclasses
import heapq
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from alexnet_tf.analysis.predictions import shortened
from alexnet_tf.data.records import Records
from alexnet_tf.files.figures import literal, save_figure
from alexnet_tf.terminal.progress import ProgressReport

BATCH = 128


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """An image and how far it is from the one that was asked for.

    Attributes:
        distance: Euclidean, between the two fc7 vectors.
        id: of the example.
        label: its class.
        image: uint8 [256, 256, 3], 0..255.
    """

    distance: float
    id: int
    label: int
    image: np.ndarray


def nearest_records(
    vectors_of: Callable[[Any], np.ndarray],
    queries: np.ndarray | Sequence[np.ndarray],
    records: Records,
    count: int,
) -> list[list[Neighbour]]:
    """The records whose vectors are nearest to those of the queries.

    Args:
        vectors_of: such as `Fc7`.
        queries: uint8 [Q, 256, 256, 3].
        records: `Records` to search.
        count: number of neighbours.

    Returns:
        A list of `Neighbour`s per query, nearest first; where distances are
        equal, the lower id first.
    """
    wanted = vectors_of(queries).astype(np.float64)
    nearest = [[] for _ in queries]
    with ProgressReport("nearest images", records.size) as progress:
        for batch in records.dataset().batch(BATCH).prefetch(1):
            images = batch["image"].numpy()
            found = vectors_of(images)
            for i, query in enumerate(wanted):
                # The form |a|^2 - 2ab + |b|^2 is avoided: near vectors would
                # lose digits.
                distances = np.linalg.norm(found - query, axis=1)
                candidates = nearest[i] + [
                    Neighbour(*values)
                    for values in zip(
                        distances.tolist(),
                        batch["id"].numpy().tolist(),
                        batch["label"].numpy().tolist(),
                        images,
                        strict=True,
                    )
                ]
                nearest[i] = heapq.nsmallest(
                    count, candidates, key=lambda n: (n.distance, n.id)
                )
            # Views of the batch would keep all of it in memory.
            nearest = [[_own_image(n) for n in found] for found in nearest]
            progress.advance(len(images))
    return nearest


def _own_image(neighbour: Neighbour) -> Neighbour:
    if neighbour.image.base is None:
        return neighbour
    return dataclasses.replace(neighbour, image=neighbour.image.copy())


def draw_neighbours(
    path: pathlib.Path,
    examples: Sequence[Mapping[str, Any]],
    neighbours: Sequence[list[Neighbour]],
    class_names: Iterable[str],
) -> None:
    """Draws a sheet: an image a row, its neighbours to the right.

    Args:
        path: of the PNG file.
        examples: the images that were asked for, see `chosen.examples_of`.
        neighbours: a list of `Neighbour`s for each.
        class_names: one per label.
    """
    names = [literal(name) for name in class_names]
    columns = 1 + max(map(len, neighbours))
    figure, axes = plt.subplots(
        len(examples),
        columns,
        figsize=(1.5 * columns, 1.85 * len(examples)),
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for row, example, found in zip(axes, examples, neighbours, strict=True):
        _show(row[0], example["image"], names[example["label"]], None)
        for axis, neighbour in zip(row[1:], found, strict=False):
            is_right = neighbour.label == example["label"]
            name = names[neighbour.label]
            _show(axis, neighbour.image, name, is_right, neighbour.distance)
    save_figure(figure, path)


def _show(
    axis: Axes,
    image: np.ndarray,
    name: str,
    is_right: bool | None,
    distance: float | None = None,
) -> None:
    axis.imshow(image)
    title = shortened(name, 18)
    if distance is not None:
        title += f"\n{distance:.1f}"
    else:
        title += "\ntest image"
    axis.set_title(
        title,
        fontsize=8,
        fontweight="bold" if is_right is None else None,
        color="#b3261e" if is_right is False else "black",
    )
