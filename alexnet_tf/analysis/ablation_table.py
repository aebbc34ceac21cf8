"""Errors of variants of a network beside those of the whole one."""

import dataclasses
import math
import statistics
from collections.abc import Collection, Iterable

from alexnet_tf.files.csv import csv_text
from alexnet_tf.files.text import markdown_table

MOST_SEEDS = 10
COLUMNS = (
    *("network", "runs", "top-1 error", "difference", "in 2012"),
    *("top-5 error", "difference", "in 2012"),
)


@dataclasses.dataclass(frozen=True)
class Variant:
    """Test errors of one network, trained with several seeds.

    Attributes:
        name: what is different.
        top1_errors, top5_errors: {seed: fraction}; no top-5 errors where
            they say nothing, and their columns are left out.
        published: points by which the top-1 and top-5 errors of 2012 grew;
            None where no number is known.
    """

    name: str
    top1_errors: dict[int, float]
    top5_errors: dict[int, float]
    published: tuple[float | None, float | None] | None = None


def mean_and_half_width(values: Collection[float]) -> tuple[float, float]:
    """Mean and half of its 95 % interval (Student's t).

    Args:
        values: at least one number.

    Returns:
        (mean, half width); of a single value the width is unknown: nan.
    """
    from scipy import stats  # late: it takes a second

    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan
    deviation = statistics.stdev(values) / math.sqrt(len(values))
    return mean, float(stats.t.ppf(0.975, len(values) - 1)) * deviation


def markdown(whole: Variant, variants: Iterable[Variant]) -> str:
    """The table as markdown, in percent and points.

    Differences are taken seed by seed: runs of one seed see the same images
    in the same order.

    Args:
        whole: the `Variant` with nothing taken away.
        variants: the others; those without a run are left out.
    """
    return markdown_table(_rows(whole, variants))


def as_csv(whole: Variant, variants: Iterable[Variant]) -> str:
    """The same table as CSV."""
    return csv_text(_rows(whole, variants))


def _rows(whole: Variant, variants: Iterable[Variant]) -> list[list[str]]:
    """The headings, then the rows."""
    width = len(COLUMNS) if whole.top5_errors else COLUMNS.index("top-5 error")
    rows = [list(COLUMNS[:width]), _row(whole, whole)]
    for variant in variants:
        if variant.top1_errors.keys() & whole.top1_errors.keys():
            rows.append(_row(variant, whole))
    return rows


def _row(variant: Variant, whole: Variant) -> list[str]:
    top1, top5 = variant.published or (None, None)
    cells = [
        variant.name,
        str(len(variant.top1_errors)),
        *_error_cells(variant.top1_errors, whole.top1_errors, top1),
    ]
    if whole.top5_errors:
        cells += _error_cells(variant.top5_errors, whole.top5_errors, top5)
    return cells


def _error_cells(
    errors: dict[int, float], whole: dict[int, float], published: float | None
) -> list[str]:
    shared = sorted(errors.keys() & whole.keys())
    difference = [errors[seed] - whole[seed] for seed in shared]
    return [
        with_width(*mean_and_half_width(errors.values()), "{:.1f}"),
        ""
        if errors is whole
        else with_width(*mean_and_half_width(difference), "{:+.1f}"),
        "" if published is None else f"{published:+.1f}",
    ]


def with_width(mean: float, half_width: float, form: str) -> str:
    """A fraction and half of its interval, in percent; no width for nan."""
    text = form.format(100 * mean)
    if math.isnan(half_width):
        return text
    return f"{text} ± {100 * half_width:.1f}"
