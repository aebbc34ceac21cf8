"""Errors as a table, ours above the published ones."""

import csv
import dataclasses
import io

from configs.published import ILSVRC_2010, ILSVRC_2012

COLUMNS = (
    *("network", "images", "crops"),
    *("top-1 error", "95 % interval", "top-5 error", "95 % interval"),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """One row of ours.

    Attributes:
        name: of the run, the export or the ensemble.
        dataset: name of the data set and its split.
        crops: "centre" or "ten".
        images: how many were tested.
        top1_error, top5_error: fractions.
        top1_interval, top5_interval: (low, high), fractions.
    """

    name: str
    dataset: str
    crops: str
    images: int
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    top5_interval: tuple[float, float]


def markdown(results):
    """The table as markdown, percentages."""
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS))]
    return "\n".join(lines + [_line(row) for row in _rows(results)]) + "\n"


def as_csv(results):
    """The table as CSV, percentages."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(results))
    return text.getvalue()


def _rows(results):
    ours = [
        (
            result.name,
            f"{result.dataset}, {result.images}",
            result.crops,
            _percent(result.top1_error),
            _interval(result.top1_interval),
            _percent(result.top5_error),
            _interval(result.top5_interval),
        )
        for result in results
    ]
    published = [
        (
            name,
            "ILSVRC, published",
            crops,
            _percent(top1),
            "",
            _percent(top5),
            "",
        )
        for name, crops, top1, top5 in (*ILSVRC_2012, *ILSVRC_2010)
    ]
    return ours + published


def _line(cells):
    return "| " + " | ".join(str(c).replace("|", r"\|") for c in cells) + " |"


def _percent(fraction):
    return f"{100 * fraction:.1f}"


def _interval(interval):
    return " to ".join(map(_percent, interval))
