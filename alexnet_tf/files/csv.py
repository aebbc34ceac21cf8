"""CSV files for people, their spreadsheets and their programs."""

import csv
import io
import pathlib
from collections.abc import Iterable

from alexnet_tf.files.atomic import replacing
from alexnet_tf.files.text import printable

# A spreadsheet takes a cell that begins so for a formula and runs it.
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    path: str | pathlib.Path,
    header: Iterable[str],
    rows: Iterable[Iterable[object]],
) -> None:
    """Writes a table, completely or not at all.

    Texts that a spreadsheet would take for formulas get an apostrophe in
    front, and those that are not printable are escaped; numbers stay as they
    are.

    Args:
        path: of the file; UTF-8.
        header: names of the columns.
        rows: iterable of sequences of texts and numbers; None is empty.
    """
    with (
        replacing(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(safe_cell, header))
        writer.writerows([safe_cell(cell) for cell in row] for row in rows)


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows of the program's own words and numbers as the text of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def safe_cell(cell: object) -> object:
    """What `write_csv` writes for a cell: harmless text, or a number."""
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    return f"'{text}" if _is_marked(text) else text


def text_of(cell: str) -> str:
    """The text that `write_csv` wrote as this cell."""
    return cell[1:] if cell[:1] == "'" and _is_marked(cell) else cell


def _is_marked(text: str) -> bool:
    """Whether it is a formula, perhaps behind apostrophes."""
    return text.lstrip("'").startswith(FORMULA_MARKS)
