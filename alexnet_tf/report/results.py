"""How well the network does: errors, confusion, classes."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from markupsafe import Markup

from alexnet_tf.data.sources.imagenet_classes import are_imagenets
from alexnet_tf.evaluation.by_class import (
    TOP1,
    class_results,
    confused_pairs,
    monitored_error,
)
from alexnet_tf.evaluation.calibration import Bin
from alexnet_tf.evaluation.coverage import CoveragePoint
from alexnet_tf.evaluation.tables import VIEWS, Outcome
from alexnet_tf.evaluation.top_k import top5_means_something
from alexnet_tf.files.text import counted
from alexnet_tf.report.chart import line_chart
from alexnet_tf.report.page import Section
from alexnet_tf.report.rendering import render
from configs.published import PAPER

MOST_CELLS = 20  # classes of a matrix that is written out
MOST_PAIRS = 10
MOST_CLASSES = 50  # of a list that is written out
SHOWN_ENDS = 15  # best and worst of a longer one
SHOWN_THRESHOLDS = (0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def best_epoch(
    rows: list[dict[str, float]], monitor: str = TOP1
) -> dict[str, float] | None:
    """The row of history.csv whose weights a run keeps, or None.

    Args:
        rows: of history.csv.
        monitor: `train.monitor` of the run's config.
    """
    errors = [monitored_error(row, monitor) for row in rows]
    finite = [i for i, error in enumerate(errors) if np.isfinite(error)]
    best = min(finite, key=lambda i: errors[i], default=None)
    return None if best is None else rows[best]


def results_section(
    outcome: Outcome | None,
    rows: list[dict[str, float]],
    class_names: tuple[str, ...],
    monitor: str = TOP1,
) -> Section:
    """Errors of the run and, where the classes are ImageNet's, the paper's.

    Args:
        outcome: the run's `Outcome`, or None.
        rows: of history.csv.
        class_names: one per label.
        monitor: see `best_epoch`.
    """
    measured = []
    if outcome:
        measured.append(
            (
                "this run",
                f"{outcome.dataset} {outcome.split}, "
                f"{counted(outcome.samples, 'image')}",
                VIEWS[outcome.crops],
                outcome.top1_error,
                "{:.2%} to {:.2%}".format(*outcome.top1_interval),
                outcome.top5_error,
            )
        )
    best = best_epoch(rows, monitor)
    if best:
        measured.append(
            (
                f"this run, after epoch {best['epoch']:.0f}",
                "validation, while training",
                VIEWS[1],
                best["val_top1_error"],
                "",
                best["val_top5_error"],
            )
        )
    if are_imagenets(class_names):
        measured += [
            (f"paper, {network}", images, VIEWS[crops], top1, "", top5)
            for network, images, crops, top1, top5 in PAPER
        ]
    table = [
        (network, f"{top1:.2%}", interval, f"{top5:.2%}", views, images)
        for network, images, views, top1, interval, top5 in measured
    ]
    head = ("network", "top-1 error", "95 % interval")
    table.insert(0, (*head, "top-5 error", "views", "set"))
    if not top5_means_something(len(class_names)):
        table = [(*row[:3], *row[4:]) for row in table]
    body = render(
        "results",
        is_evaluated=outcome is not None,
        has_best=best is not None,
        head=table[0],
        rows=table[1:],
    )
    return Section("results", "Results", body)


def confusion_section(
    confusion: np.ndarray, class_names: Sequence[str]
) -> Section:
    """Which classes are taken for which others.

    Args:
        confusion: int [classes, classes], row the label, column the guess.
        class_names: one per label.
    """
    pairs = [
        (label, guess, images, f"{share:.1%}")
        for label, guess, images, share in confused_pairs(
            confusion, class_names
        )[:MOST_PAIRS]
    ]
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    cells, picture = [], None
    if len(class_names) > MOST_CELLS:
        colours = matplotlib.colormaps["viridis"](shares)[..., :3]
        picture = np.round(255 * colours).astype(np.uint8)
    else:
        cells = [
            (name, *(_shaded("cell", *cell) for cell in zip(*row, strict=True)))
            for name, *row in zip(class_names, confusion, shares, strict=True)
        ]
    body = render(
        "confusion",
        pairs=pairs,
        class_names=list(class_names),
        picture=picture,
        cells=cells,
    )
    return Section("confusion", "Confusion", body)


def _shaded(kind: str, text: object, share: float) -> Markup:
    """A cell of a table whose style sheet shows a share, 0..1, as well."""
    return Markup('<span class="{}" style="--share: {:.3f}">{}</span>').format(
        kind, share, text
    )


def classes_section(
    confusion: np.ndarray, class_names: Sequence[str]
) -> Section:
    """Precision, recall and F1 of every class; of many only the ends.

    Args:
        confusion, class_names: see `confusion_section`.
    """
    found = sorted(
        (r for r in class_results(confusion, class_names) if r.images),
        key=lambda result: -result.recall,
    )
    rows = [
        (
            *(r.name, r.images, _percent(r.precision), _percent(r.f1)),
            _shaded("bar", _percent(r.recall), r.recall),
        )
        for r in found
    ]
    lists = [("", rows)]
    if len(rows) > MOST_CLASSES:
        lists = [
            (f"Best {SHOWN_ENDS} of {len(rows)}", rows[:SHOWN_ENDS]),
            (f"Worst {SHOWN_ENDS}", rows[-SHOWN_ENDS:]),
        ]
    body = render("classes", lists=lists)
    return Section("classes", "Each class", body)


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{share:.1%}"


def calibration_section(outcome: Outcome, bins: Sequence[Bin]) -> Section:
    """Whether the network is right as often as it is sure.

    Args:
        outcome: the run's `Outcome`, with its calibration error.
        bins: see `calibration.reliability`.
    """
    points = [(100 * b.confidence, 100 * b.accuracy) for b in bins]
    chart = line_chart(
        "Right answers, %",
        "probability of the best guess, %",
        {"this run": points, "as sure as right": [(0, 0), (100, 100)]},
    )
    rows = [
        (f"{b.confidence:.1%}", f"{b.accuracy:.1%}", f"{b.images:,}")
        for b in bins
    ]
    body = render("calibration", outcome=outcome, chart=chart, rows=rows)
    return Section("calibration", "Calibration", body)


def coverage_section(points: Sequence[CoveragePoint]) -> Section:
    """What a threshold costs in answers and saves in errors.

    Args:
        points: see `coverage.coverage_curve`.
    """
    # Thresholds that leave the same images are one point.
    line = {100 * p.coverage: 100 * p.error for p in reversed(points)}
    chart = line_chart(
        "Wrong among the answered, %",
        "images answered, %",
        {"this run": list(line.items())},
        from_zero=True,
    )
    rows = [
        (f"{p.threshold:.2f}", f"{p.coverage:.1%}", f"{p.error:.2%}")
        for p in points
        if p.threshold in SHOWN_THRESHOLDS
    ]
    body = render("coverage", chart=chart, rows=rows)
    return Section("coverage", "Coverage of a threshold", body)
