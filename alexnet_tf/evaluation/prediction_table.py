"""Predictions of many files as a CSV table that grows.

A row is appended as soon as its file is done, so that a second start with the
same table goes on where the first one was stopped, or killed.

file            path, as it was given or found
class           the most probable class, or `NONE`
probability     of the most probable class
class_1 ...     the five most probable classes and their
probability_1   probabilities; empty where there are fewer
error           why there is no prediction; all before it is empty then
network         which network answered
"""

import contextlib
import csv
import io
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import append, readable, replacing, writable
from alexnet_tf.files.csv import csv_text, safe_cell
from alexnet_tf.files.locks import lock
from alexnet_tf.files.text import counted, printable
from alexnet_tf.terminal.progress import ProgressReport

BEST = 5
PAIRS = [(f"class_{k}", f"probability_{k}") for k in range(1, BEST + 1)]
COLUMNS = ("file", "class", "probability", *sum(PAIRS, ()), "error", "network")
NONE = "none of these"  # in place of a class that is not probable enough


def fill_table(
    path: str | os.PathLike,
    *,
    files: Iterable[str],
    results_of: Callable[[list[str]], Iterable[Mapping[str, Any]]],
    network: str,
    threshold: float,
) -> list[Mapping[str, Any]]:
    """Appends a row for each file that has none yet.

    Files that failed are tried again. Says what was there and what was done.

    Args:
        path: of the table; made if absent.
        files: their paths; one that is named twice gets one row.
        results_of: from paths to one result for each, in order: {"file",
            "classes", "probabilities"}, best first, or {"file", "error"}.
        network: a text that tells the network apart from others.
        threshold: the class is `NONE` where it is less probable.

    Returns:
        The results of the files that failed.

    Raises:
        UserError: the table cannot be read or written, is none, is being
            written by another process, or has rows of another network or
            threshold; two names of files look alike in it; or a class is
            called `NONE`.
    """
    path = pathlib.Path(path)
    cells = _cells(files)
    failed, unsure = [], 0
    with _opened(path, cells, network, threshold) as (file, done):
        left = [name for cell, name in cells.items() if cell not in done]
        if len(left) < len(cells):
            print(
                f"{path} has {counted(len(cells) - len(left), 'file')} of "
                f"{len(cells):,} already",
                flush=True,
            )
        with ProgressReport("predict", len(left)) as progress:
            for result in results_of(left):
                row = _row(result, network, threshold)
                with writable(path):
                    _write(file, [row])
                if "error" in result:
                    failed.append(result)
                unsure += row[1] == NONE
                progress.advance(1)
    print(
        f"{path}: {counted(len(left) - len(failed), 'file')} predicted"
        + (f", {unsure:,} of them {NONE}" if unsure else "")
        + (f"; {len(failed):,} failed" if failed else "")
    )
    return failed


def _cells(files: Iterable[str]) -> dict[str, str]:
    """{the cell that a file gets: its path}."""
    cells: dict[str, str] = {}
    for file in files:
        cell = str(safe_cell(file))
        if cells.setdefault(cell, file) != file:
            raise UserError(
                f"two files would be {cell} in the table, as what cannot be "
                "printed is escaped: rename one of them"
            )
    return cells


def _row(
    result: Mapping[str, Any], network: str, threshold: float
) -> list[object]:
    """The cells of a result."""
    classes = result.get("classes", ())
    if threshold and NONE in classes:
        raise UserError(
            f"the network has a class called {NONE}, which stands for all "
            "below the threshold: leave --threshold out"
        )
    best = list(zip(classes, result.get("probabilities", ()), strict=True))
    best = (best + [(None, None)] * BEST)[:BEST]
    name, probability = best[0]
    if probability is not None and probability < threshold:
        name = NONE
    cells = (result["file"], name, probability, *sum(best, ()))
    return [safe_cell(c) for c in (*cells, result.get("error"), network)]


@contextlib.contextmanager
def _opened(
    path: pathlib.Path, cells: Mapping[str, str], network: str, threshold: float
) -> Iterator[tuple[io.FileIO, set[str]]]:
    """The table, to append to, and the cells of the files that are done.

    A line that was cut off, and rows of `cells` that failed, are removed; so
    is a new table in which an exception left no row.
    """
    is_new = not path.exists()
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_locked(path))
        rows, is_whole = _rows(path)
        for line, row in enumerate(rows, 2):
            _check(f"{path}, line {line}", row, network, threshold)
        kept = [r for r in rows if not (r["error"] and r["file"] in cells)]
        if not (is_whole and len(kept) == len(rows)):
            with (
                writable(path),
                replacing(path) as temporary,
                _appending(temporary) as new,
            ):
                _write(new, [COLUMNS, *(row.values() for row in kept)])
            # Who takes the new file in between has it; this one is refused.
            file = stack.enter_context(_locked(path))
        start = path.stat().st_size
        try:
            yield file, {row["file"] for row in kept if not row["error"]}
        except BaseException:
            if is_new and path.stat().st_size == start:
                path.unlink()
            raise


def _appending(path: pathlib.Path) -> io.FileIO:
    return open(path, "ab", buffering=0)


def _locked(path: pathlib.Path) -> io.FileIO:
    # What has no end, such as a pipe, could not be read to it.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path} is no regular file: name another --csv")
    with writable(path):
        file = _appending(path)
        try:
            lock(file, path, "writes")
        except BlockingIOError:
            file.close()
            raise UserError(
                f"{path} is in use: another process writes it; wait for it or "
                "stop it, or name another --csv"
            ) from None
        return file


def _write(file: io.FileIO, rows: Iterable[Iterable[object]]) -> None:
    append(file, csv_text(rows).encode())


def _rows(path: pathlib.Path) -> tuple[list[dict[str, str]], bool]:
    """The rows of a table as {column: cell}, and whether nothing is cut off.

    What follows the last end of a line was being written by a process that
    was killed. An empty file is a table whose header was cut off.
    """
    no_table = (
        f"{path} is there and is no table of predictions: name another --csv"
    )
    with readable(path):
        content = path.read_bytes()
        whole, end, _ = content.rpartition(b"\n")
        header = ",".join(COLUMNS).encode()
        if not end:
            if not header.startswith(content):
                raise UserError(no_table)
            return [], False
        try:
            text = whole.decode("utf-8-sig")
        except UnicodeDecodeError:  # a photograph, perhaps
            raise UserError(no_table) from None
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        if tuple(next(lines, ())) != COLUMNS:
            raise UserError(no_table)
        rows = []
        for cells in lines:
            if len(cells) != len(COLUMNS):
                raise UserError(
                    f"{path}, line {lines.line_num}, has {len(cells)} cells in "
                    f"place of {len(COLUMNS)}: mend it, or name another --csv"
                )
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows, len(whole) + 1 == len(content)


def _check(
    where: str, row: Mapping[str, str], network: str, threshold: float
) -> None:
    """Refuses a row that this network and threshold would not have written."""
    if row["network"] != safe_cell(network):
        raise UserError(
            f"{where}: the table is of another network, "
            f"{printable(row['network'])}, and not of {network}: name that, or "
            "another --csv"
        )
    if row["error"]:
        return
    try:
        is_unsure = float(row["probability"]) < threshold
    except ValueError:
        raise UserError(
            f"{where}: the probability {printable(row['probability'])} is no "
            "number: mend it, or name another --csv"
        ) from None
    if row["class"] != (NONE if is_unsure else row["class_1"]):
        raise UserError(
            f"{where}: the table was made with another --threshold: give that, "
            "or name another --csv"
        )
