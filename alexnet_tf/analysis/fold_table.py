"""What cross-validation found: each fold, and the mean with its interval."""

from collections.abc import Mapping

from alexnet_tf.analysis.ablation_table import (
    mean_and_half_width,
    with_width,
)
from alexnet_tf.evaluation.tables import Outcome
from alexnet_tf.files.csv import csv_text
from alexnet_tf.files.text import markdown_table

COLUMNS = {
    "top1_error": "top-1 error",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "top5_error": "top-5 error",
}


def fold_markdown(outcomes: Mapping[int, Outcome]) -> str:
    """The table as markdown, in percent.

    Below the folds stands the mean over them, with half of its 95 % interval
    by Student's t.

    Args:
        outcomes: {fold: what its run reached on the images held out}.
    """
    return markdown_table(_rows(outcomes))


def fold_csv(outcomes: Mapping[int, Outcome]) -> str:
    """The same table as CSV."""
    return csv_text(_rows(outcomes))


def _rows(outcomes: Mapping[int, Outcome]) -> list[list[str]]:
    """The headings, then the rows."""
    has_top5 = any(outcome.has_top5 for outcome in outcomes.values())
    names = [name for name in COLUMNS if has_top5 or name != "top5_error"]
    rows = [["fold", "images", *(COLUMNS[name] for name in names)]]
    for fold, outcome in sorted(outcomes.items()):
        cells = [f"{100 * getattr(outcome, name):.1f}" for name in names]
        rows.append([str(fold), str(outcome.samples), *cells])
    images = sum(outcome.samples for outcome in outcomes.values())
    means = [
        mean_and_half_width([getattr(o, name) for o in outcomes.values()])
        for name in names
    ]
    cells = [with_width(*mean, "{:.1f}") for mean in means]
    return [*rows, [f"mean of {len(outcomes)}", str(images), *cells]]
