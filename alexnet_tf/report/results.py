"""How well the network does: errors, confusion, classes."""

import matplotlib
import numpy as np

from alexnet_tf.data.sources.imagenet_classes import are_imagenets
from alexnet_tf.evaluation.tables import VIEWS, Outcome, per_class
from alexnet_tf.evaluation.top_k import top5_means_something
from alexnet_tf.report.markup import drawing, joined, table, tag
from alexnet_tf.report.page import Section
from configs.published import PAPER

MOST_CELLS = 20  # classes of a matrix that is written out
MOST_PAIRS = 10
MOST_CLASSES = 50  # of a list that is written out
SHOWN_ENDS = 15  # best and worst of a longer one


def best_epoch(rows):
    """The row of history.csv whose weights a run keeps, or None."""
    finite = [row for row in rows if np.isfinite(row["val_top1_error"])]
    return min(finite, key=lambda row: row["val_top1_error"], default=None)


def results_section(outcome: Outcome | None, rows, class_names):
    """Errors of the run and, where the classes are ImageNet's, the paper's.

    Args:
        outcome: the run's `Outcome`, or None.
        rows: of history.csv.
        class_names: one per label.
    """
    measured = []
    if outcome:
        measured.append(
            (
                "this run",
                f"{outcome.dataset} {outcome.split}, "
                f"{outcome.samples:,} images",
                VIEWS[outcome.crops],
                outcome.top1_error,
                outcome.top5_error,
            )
        )
    best = best_epoch(rows)
    if best:
        measured.append(
            (
                f"this run, after epoch {best['epoch']:.0f}",
                "validation, while training",
                VIEWS[1],
                best["val_top1_error"],
                best["val_top5_error"],
            )
        )
    if are_imagenets(class_names):
        measured += [
            (f"paper, {network}", images, VIEWS[crops], top1, top5)
            for network, images, crops, top1, top5 in PAPER
        ]
    rows = [
        (network, f"{top1:.2%}", f"{top5:.2%}", views, images)
        for network, images, views, top1, top5 in measured
    ]
    rows.insert(0, ("network", "top-1 error", "top-5 error", "views", "set"))
    if not top5_means_something(len(class_names)):
        rows = [(*row[:2], *row[3:]) for row in rows]
    body = table(rows[0], rows[1:], class_="errors")
    if not outcome:
        body = joined(
            tag("p", "There is no evaluation of the best weights."), body
        )
    return Section("results", "Results", body)


def confusion_section(confusion, class_names):
    """Which classes are taken for which others.

    Args:
        confusion: int [classes, classes], row the label, column the guess.
        class_names: one per label.
    """
    pairs = _most_confused(confusion, class_names)
    listed = table(
        ("class", "taken for", "images", "share of the class"),
        [
            (label, guess, images, f"{share:.1%}")
            for label, guess, images, share in pairs
        ],
        class_="ends-in-numbers",
    )
    if not pairs:
        listed = tag("p", "No image was taken for one of another class.")
    return Section(
        "confusion",
        "Confusion",
        joined(
            tag("h3", "Most confused"),
            listed,
            tag("h3", "All classes"),
            _matrix(confusion, class_names),
        ),
    )


def _most_confused(confusion, class_names):
    """[(class, taken for, images, share of the class)], most images first."""
    wrong = confusion - np.diag(np.diagonal(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    return [
        (
            class_names[label],
            class_names[guess],
            int(wrong[label, guess]),
            wrong[label, guess] / confusion[label].sum(),
        )
        for label, guess in zip(
            *np.unravel_index(order, wrong.shape), strict=True
        )
        if wrong[label, guess]
    ]


def _matrix(confusion, class_names):
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    if len(class_names) > MOST_CELLS:
        colours = matplotlib.colormaps["viridis"](shares)[..., :3]
        return tag(
            "figure",
            drawing(
                np.round(255 * colours).astype(np.uint8),
                f"confusion matrix of {len(class_names)} classes",
            ),
            tag(
                "figcaption",
                "A row is a class, a column what its images were taken for, "
                "both in label order; dark is 0, bright all of the class. The "
                "numbers are in confusion.csv.",
            ),
            class_="matrix",
        )
    rows = [
        (
            name,
            *(
                tag(
                    "span",
                    count,
                    class_="cell",
                    style=f"--share: {share:.3f}",
                )
                for count, share in zip(counts, row, strict=True)
            ),
        )
        for name, counts, row in zip(
            class_names, confusion, shares, strict=True
        )
    ]
    caption = tag("p", "A row is a class, a column what it was taken for.")
    return joined(
        caption, table(("class", *class_names), rows, class_="confusion")
    )


def classes_section(confusion, class_names):
    """Accuracy of every class, best first; of many only the ends.

    Args:
        confusion, class_names: see `confusion_section`.
    """
    rows = sorted(
        (row for row in per_class(confusion, class_names) if row[1]),
        key=lambda row: -row[2],
    )
    head = ("class", "images", "accuracy")
    if len(rows) <= MOST_CLASSES:
        body = _accuracies(head, rows)
    else:
        body = joined(
            tag("h3", f"Best {SHOWN_ENDS} of {len(rows)}"),
            _accuracies(head, rows[:SHOWN_ENDS]),
            tag("h3", f"Worst {SHOWN_ENDS}"),
            _accuracies(head, rows[-SHOWN_ENDS:]),
            tag("p", "All of them are in per_class.csv."),
        )
    return Section("classes", "Accuracy of each class", body)


def _accuracies(head, rows):
    return table(
        head,
        [
            (
                name,
                images,
                tag(
                    "span",
                    f"{accuracy:.1%}",
                    class_="bar",
                    style=f"--share: {accuracy:.3f}",
                ),
            )
            for name, images, accuracy in rows
        ],
        class_="accuracies",
    )
