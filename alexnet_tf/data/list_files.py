"""Lists of images as people write them: CSV files of any dialect."""

import csv
import io
import pathlib
from collections.abc import Iterator, Sequence

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.text import printable, read_text

SAMPLED = 4096  # characters that the sniffer looks at
SEPARATORS = ",;\t|"


def read_list(
    path: pathlib.Path,
    needed: Sequence[str],
    columns: Sequence[str],
    wanted: str,
) -> list[tuple[int, list[str]]]:
    """[(line, cells)], the header first; empty rows are left out.

    Of the dialects that find the columns it is the one with which most rows
    are as long as the header.

    Args:
        path: of the list.
        needed: columns that have to be there.
        columns: those that may not be there twice, the needed ones among them.
        wanted: what the first line has to be, a clause.

    Raises:
        UserError: it cannot be read, or has no such first line.
    """
    if path.exists() and not path.is_file():
        # A pipe would be waited for, a device read without end.
        raise UserError(f"{path} is no file: a list of images is wanted")
    with readable(path):
        try:
            text = read_text(path)
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is not UTF-8 (byte {error.start}): save the list "
                "as CSV in UTF-8"
            ) from None
    if not text.strip():
        raise UserError(f"{path} is empty: {wanted}")
    best, fewest, reason = None, len(text), ""
    for dialect in _dialects(text):
        reader = csv.reader(io.StringIO(text), dialect, strict=True)
        try:
            table = [
                (reader.line_num, [cell.strip() for cell in cells])
                for cells in reader
                if any(map(str.strip, cells))
            ]
        except csv.Error as error:
            reason = reason or f" (line {reader.line_num}: {error})"
            continue
        names = [cell.casefold() for cell in table[0][1]]
        if any(names.count(name) != 1 for name in needed):
            continue
        if twice := [name for name in columns if names.count(name) > 1]:
            raise UserError(f"{path} has two columns named {twice[0]}")
        odd = sum(len(cells) != len(names) for _, cells in table)
        if odd < fewest:
            best, fewest = table, odd
        if not odd:
            break
    if best is None:
        first = printable(text.strip().splitlines()[0])
        raise UserError(f"{path} begins with {first:.100}{reason}: {wanted}")
    return best


def _dialects(text: str) -> Iterator[type[csv.Dialect]]:
    """What the list may be written in, the sniffer's guess first."""

    class Usual(csv.excel):
        skipinitialspace = True

    sample = text[:SAMPLED].rpartition("\n")[0] or text
    try:
        sniffed = csv.Sniffer().sniff(sample)
    except csv.Error:
        pass  # it cannot tell
    else:
        # It only knows of what is in the sample.
        sniffed.doublequote = sniffed.skipinitialspace = True
        yield sniffed
    for separator in SEPARATORS:
        yield type("Usual", (Usual,), {"delimiter": separator})
