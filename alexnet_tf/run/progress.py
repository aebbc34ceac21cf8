"""The tables that a run's training fills, without TensorFlow.

history.csv has a row for each epoch, watch/steps.csv one for each stretch of
updates.
"""

import csv
import pathlib

from alexnet_tf.files.atomic import readable

UPDATE_RATIO = "update_ratio"  # history.csv has a column of it for each layer
COLUMNS = (
    *("update", "epoch", "loss", "top1_error"),
    *("learning_rate", "images_per_second", "time"),
)


def write_rows(path: pathlib.Path, rows: list[dict[str, float]]) -> None:
    """Writes dicts with the same keys as CSV."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[-1]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: pathlib.Path) -> list[dict[str, float]]:
    """What `write_rows` wrote, all values as floats.

    Raises:
        UserError: the file is damaged.
    """
    with readable(path), open(path, newline="", encoding="utf-8-sig") as file:
        keys, *rows = csv.reader(file)
        # Epochs of earlier versions lack what was not measured then.
        return [
            dict(zip(keys, (float(cell or "nan") for cell in row), strict=True))
            for row in rows
        ]


def read_steps(path: pathlib.Path) -> list[dict[str, float]]:
    """The rows of a `StepLog`; those that are cut off are left out.

    Raises:
        UserError: the file cannot be read.
    """
    if not path.is_file():
        return []
    rows = []
    with readable(path), open(path, newline="", encoding="utf-8") as file:
        # Another process may be in the middle of the last row.
        whole = (line for line in file if line.endswith("\n"))
        for row in csv.DictReader(whole):
            try:
                rows.append({key: float(row[key]) for key in COLUMNS})
            except (TypeError, ValueError):
                continue
    return rows
