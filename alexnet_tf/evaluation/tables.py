"""Results as tables and pictures: errors, confusion, classes."""

import csv
import dataclasses
import pathlib
from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np

from alexnet_tf.evaluation.by_class import ClassResult, confused_pairs
from alexnet_tf.evaluation.calibration import Bin
from alexnet_tf.evaluation.coverage import CoveragePoint
from alexnet_tf.evaluation.mistakes import LabelError, Mistake
from alexnet_tf.evaluation.top_k import top5_means_something
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.csv import csv_text, text_of, write_csv
from alexnet_tf.files.figures import literal, save_figure
from alexnet_tf.files.text import markdown_table
from configs.published import PAPER, SINCE

MOST_NAMES = 50  # more do not fit beside the picture
MOST_LISTED = 100  # images in evaluation.json; the tables have all

COLUMNS = (
    *("network", "images", "crops"),
    *("top-1 error", "95 % interval", "balanced accuracy", "macro F1"),
    *("top-5 error", "95 % interval"),
)


VIEWS = {1: "centre crop", 10: "ten crops"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a network or an ensemble reached on a split.

    Attributes:
        run: path of the run or the export, or the ensemble in words.
        dataset: name of the data set.
        split: which part of it.
        crops: views of an image that were averaged, 1 (the centre) or 10.
        samples: how many images were evaluated.
        top1_error, top5_error: fractions.
        top1_interval, top5_interval: (low, high), fractions.
        balanced_accuracy, macro_f1: fractions, see `by_class`; None where the
            program that wrote this did not measure them.
        calibration_error, temperature, tempered_error: see `Calibration`,
            whose `error` the first is; None likewise.
        per_class: a `ClassResult` of each class, in label order; None
            likewise.
        reliability: bins of `Calibration`; None likewise.
        coverage: see `coverage_curve`; None likewise.
        mistakes: the most confident first; None likewise.
        label_errors: see `mistakes.label_errors`; None likewise.
        probable_label_errors: how many they are: files have no more than
            `MOST_LISTED` of these and of the mistakes; None likewise.
        classes: number of classes; None: unknown.
        data_dir: folder of the images; None where they need none, or where
            the program that wrote this did not say.
        fingerprint: of the images, see `Source`; None: likewise.
        time: when they were evaluated, ISO 8601; None: likewise.
        weights_sha256: of the run, see `Run`; None: likewise, or of no run.
    """

    run: str
    dataset: str
    split: str
    crops: int
    samples: int
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    top5_interval: tuple[float, float]
    balanced_accuracy: float | None = None
    macro_f1: float | None = None
    calibration_error: float | None = None
    temperature: float | None = None
    tempered_error: float | None = None
    per_class: tuple[ClassResult, ...] | None = None
    reliability: tuple[Bin, ...] | None = None
    coverage: tuple[CoveragePoint, ...] | None = None
    mistakes: tuple[Mistake, ...] | None = None
    label_errors: tuple[LabelError, ...] | None = None
    probable_label_errors: int | None = None
    classes: int | None = None
    data_dir: str | None = None
    fingerprint: str | None = None
    time: str | None = None
    weights_sha256: str | None = None

    @property
    def has_top5(self) -> bool:
        """Whether the top-5 error means something."""
        return top5_means_something(self.classes)


def markdown(outcomes: list[Outcome], published: bool = False) -> str:
    """The table as markdown, percentages.

    Args:
        outcomes: a row each.
        published: whether the errors of `configs.published` stand below.
    """
    return markdown_table(_rows(outcomes, published))


def as_csv(outcomes: list[Outcome], published: bool = False) -> str:
    """The table as CSV, percentages; see `markdown`."""
    return csv_text(_rows(outcomes, published))


def _rows(outcomes: list[Outcome], published: bool) -> list[tuple[str, ...]]:
    """The headings, then the rows; without a top-5 error that says nothing."""
    ours = [
        (
            outcome.run,
            f"{outcome.dataset} {outcome.split}, {outcome.samples}",
            VIEWS[outcome.crops],
            _percent(outcome.top1_error),
            _interval(outcome.top1_interval),
            _percent(outcome.balanced_accuracy),
            _percent(outcome.macro_f1),
            _percent(outcome.top5_error),
            _interval(outcome.top5_interval),
        )
        for outcome in outcomes
    ]
    theirs = [
        (
            *(name, images, VIEWS[crops], _percent(top1), "", "", ""),
            *(_percent(top5), ""),
        )
        for name, images, crops, top1, top5 in (*PAPER, *SINCE)
    ]
    rows = [COLUMNS, *ours, *(theirs if published else ())]
    if any(outcome.has_top5 for outcome in outcomes):
        return rows
    return [row[: COLUMNS.index("top-5 error")] for row in rows]


def _percent(fraction: float | None) -> str:
    if fraction is None:
        return ""
    return f"{100 * fraction:.1f}"


def _interval(interval: tuple[float, float]) -> str:
    return " to ".join(map(_percent, interval))


def write_confusion(
    path: pathlib.Path, confusion: np.ndarray, class_names: Sequence[str]
) -> None:
    """Writes counts as CSV: a row per label, a column per best guess."""
    rows = zip(class_names, confusion, strict=True)
    write_csv(
        path,
        ["label", *class_names],
        [[name, *counts] for name, counts in rows],
    )


def read_confusion(path: pathlib.Path) -> tuple[np.ndarray, list[str]]:
    """What `write_confusion` wrote.

    Returns:
        (int64 [classes, classes], list of class names).

    Raises:
        UserError: the file is damaged.
    """
    with readable(path), open(path, newline="", encoding="utf-8-sig") as file:
        (_, *class_names), *rows = csv.reader(file)
        class_names = list(map(text_of, class_names))
        counts = np.array([row[1:] for row in rows], np.int64)
        return counts.reshape(len(class_names), len(class_names)), class_names


def write_per_class(path: pathlib.Path, results: Iterable[ClassResult]) -> None:
    """Writes images, precision, recall and F1 of each class as CSV."""
    write_csv(
        path,
        ["class", "images", "precision", "recall", "f1"],
        [
            (
                *(found.name, found.images, f"{found.precision:.4f}"),
                *(f"{found.recall:.4f}", f"{found.f1:.4f}"),
            )
            for found in results
        ],
    )


def write_confused(
    path: pathlib.Path, confusion: np.ndarray, class_names: Sequence[str]
) -> None:
    """Writes `confused_pairs` as CSV."""
    write_csv(
        path,
        ["class", "taken for", "images", "share of the class"],
        [
            (*pair, f"{share:.4f}")
            for *pair, share in confused_pairs(confusion, class_names)
        ],
    )


def write_rows(path: pathlib.Path, kind: type, rows: Iterable[object]) -> None:
    """Writes dataclasses as CSV, a column for each attribute.

    Args:
        path: of the file.
        kind: their class.
        rows: texts, whole numbers and fractions.
    """
    names = [field.name for field in dataclasses.fields(kind)]
    write_csv(
        path,
        names,
        [[_cell(getattr(row, name)) for name in names] for row in rows],
    )


def _cell(value: object) -> object:
    return f"{value:.6f}" if isinstance(value, float) else value


def draw_confusion(
    path: pathlib.Path, confusion: np.ndarray, class_names: Sequence[str]
) -> None:
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
                str(confusion[row, column]),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    save_figure(figure, path)
