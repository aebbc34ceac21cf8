"""Images that a list names: a CSV file with a row an image."""

import collections
import dataclasses
import os
import pathlib
import posixpath
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import tensorflow as tf

from alexnet_tf.data.image_set import Damaged, Source, check_class_names
from alexnet_tf.data.list_files import read_list
from alexnet_tf.data.preprocess import decode
from alexnet_tf.data.sources.folder import (
    MOST_NAMED,
    TRAINING_FOLDERS,
    VALIDATION_FOLDERS,
    classes_of,
    shortened,
)
from alexnet_tf.data.sources.image_files import (
    ImageFile,
    file_split,
    fingerprint_of,
    state_of,
)
from alexnet_tf.errors import UserError
from alexnet_tf.files.text import counted, is_printable, printable

NEEDED = ("image", "label")
COLUMNS = (*NEEDED, "split", "group")
WANTED = (
    "the first line has to name the columns image and label, and perhaps split "
    "and group, such as image,label,split"
)


@dataclasses.dataclass(frozen=True)
class _Row:
    """A row of a list: where it ends, and its cells without outer spaces."""

    line: int
    image: str
    label: str
    _: dataclasses.KW_ONLY
    split: str = ""
    group: str = ""


class _Faults:
    """What is wrong with a list, to be told in one line."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._found: list[tuple[int, str, str]] = []

    def add(self, kind: str, line: int, text: str) -> None:
        """Remembers a fault: its kind in the plural, and which it is."""
        self._found.append((line, kind, text))

    def check(self) -> None:
        """Raises `UserError` that counts all faults and names the first."""
        if not self._found:
            return
        self._found.sort(key=lambda fault: fault[0])
        kinds = collections.Counter(kind for _, kind, _ in self._found)
        counts = ", ".join(f"{kind}: {count}" for kind, count in kinds.items())
        named = [printable(text) for *_, text in self._found[:MOST_NAMED]]
        if (more := len(self._found) - MOST_NAMED) > 0:
            named.append(f"and {more} more")
        raise UserError(
            f"{self._path} has {counted(len(self._found), 'fault')} "
            f"({counts}): " + "; ".join(named)
        )


def load_list(
    path: str | pathlib.Path | None,
    lost: Iterable[Damaged] = (),
    known: tuple[str, ...] | None = None,
) -> Source:
    r"""Opens the images that a CSV file names.

    Its header has the columns image and label, perhaps split and group, in any
    order, in capitals or not. An image is a path, relative to the list's
    folder or absolute; \ is / where there is no such file. The values of split
    are the names that folders of splits have (see `load_folder`); of several
    splits of validation the first of `VALIDATION_FOLDERS` is it, and a line
    names those that are not used. Images of one group stay on one side of
    every hold-out. Classes are in alphabetical order, and ImageNet's WordNet
    ids get their English names.

    The separator is found with `csv.Sniffer` or by trial; UTF-8, with a mark
    or without; empty rows and other columns are passed over.

    Args:
        path: of the list.
        lost: `Damaged` images that were there once; they keep their places.
        known: class names of a network that is to be evaluated: labels are
            theirs where all of the list's are among them, training images
            need not be there, and without a split all images validate.

    Raises:
        UserError: the list cannot be read, a column is not there, or rows
            have faults, all of which are counted: too many or too few cells,
            empty ones, a split that is none, no such file, an image twice, a
            class in one split only, a group in two.
    """
    if not path:
        raise UserError("data.name=csv needs --data_dir=LIST.csv")
    path = pathlib.Path(path)
    if path.is_dir():
        raise UserError(
            f"{path} is a folder: data.name=csv takes a list, "
            "--data_dir=LIST.csv; a folder of images is "
            "--config.data.name=folder"
        )
    faults = _Faults(path)
    rows = list(_rows(path, faults))
    validation = _validation_split(path, rows)
    used = {"", validation, *TRAINING_FOLDERS}
    rows = [row for row in rows if row.split in used]
    found = sorted({row.label for row in rows})
    class_names, labels = classes_of(found, known)

    def is_held_out(row: _Row) -> bool:
        if not validation:
            return known is not None
        return row.split == validation

    files: dict[bool, list[ImageFile]] = {False: [], True: []}
    gone = {damaged.name: damaged.bytes for damaged in lost}
    lines: dict[str, _Row] = {}
    for row in rows:
        may_be_gone = known is not None and not is_held_out(row)
        file = _file(path.parent, row, labels[row.label], gone)
        if isinstance(file, str):
            if not may_be_gone:
                faults.add(
                    "missing files", row.line, f"line {row.line}: {file}"
                )
        elif (other := lines.setdefault(_identity(file), row)) is not row:
            faults.add("images named twice", row.line, _twice(row, other))
        else:
            files[is_held_out(row)].append(file)
    if validation and known is None:
        _check_sides(rows, validation, faults)
    faults.check()
    if not files[known is not None]:
        split = "train" if known is None else "validation"
        raise UserError(f"{path} names no image of {split}")
    if known is None and len(found) < 2:
        raise UserError(
            f"{path} has the one class {printable(found[0])}, at least two are "
            "needed: the column label names the class of each image"
        )
    check_class_names(path, class_names)
    _tell_alike(path, found)
    for side in files.values():
        side.sort(key=lambda file: (file.label, file.place))
    return Source(
        name="csv",
        class_names=class_names,
        train=file_split(files[False]),
        validation=file_split(files[True]) if files[True] else None,
        decode=lambda image: decode(tf.io.read_file(image)),
        fingerprint=fingerprint_of(files[False] + files[True]),
        licence="The images in the list belong to whoever made them.",
    )


def _rows(path: pathlib.Path, faults: _Faults) -> Iterator[_Row]:
    """The rows of a list that have all that they need; see `load_list`."""
    (_, header), *table = read_list(path, NEEDED, COLUMNS, WANTED)
    columns = [cell.casefold() for cell in header]
    unused = [
        name for name in header if name and name.casefold() not in COLUMNS
    ]
    if unused:
        print(f"{path}: columns that are not used: {shortened(unused)}")
    for line, cells in table:
        if len(cells) != len(header):
            faults.add(
                "rows of another length",
                line,
                f"line {line} has {len(cells)} cells, and the first line "
                f"{len(header)}",
            )
            continue
        row = _Row(
            line,
            **{
                name: cell
                for name, cell in zip(columns, cells, strict=True)
                if name in COLUMNS
            },
        )
        split = row.split.casefold()
        if empty := [name for name in NEEDED if not getattr(row, name)]:
            faults.add("empty cells", line, f"line {line} has no {empty[0]}")
        elif not is_printable(row.image + row.label + row.group):
            faults.add(
                "control characters",
                line,
                f"line {line} has some, in {row.image}",
            )
        elif "split" in columns and split not in (
            *TRAINING_FOLDERS,
            *VALIDATION_FOLDERS,
        ):
            faults.add(
                "unknown splits",
                line,
                f"line {line} has the split '{row.split}', which is neither "
                "train nor val nor test",
            )
        else:
            yield dataclasses.replace(row, split=split)


def _validation_split(path: pathlib.Path, rows: Sequence[_Row]) -> str:
    """Which value of split is validation's; "" for none. Says what is not."""
    there = {row.split for row in rows}
    names = [name for name in VALIDATION_FOLDERS if name in there]
    if not names:
        return ""
    if names != ["val"] and names != ["validation"]:
        unused = f"; not used: {', '.join(names[1:])}" if names[1:] else ""
        print(f"{path}: the split {names[0]} validates{unused}")
    return names[0]


def _file(
    folder: pathlib.Path, row: _Row, label: int, gone: dict[str, int | None]
) -> ImageFile | str:
    """The image of a row, or why there is none.

    Args:
        folder: of the list.
        row: of it.
        label: of its class.
        gone: sizes of images that count as if still there, by their names.
    """
    for name in (row.image, row.image.replace("\\", "/")):
        place = posixpath.normpath(name)
        path = folder / place
        size, written, why = state_of(path)
        if size is not None:
            break
    if why:
        return f"{path} is {why}"
    if size is None:
        names = [n for n in gone if n == str(path) or n.endswith(f"/{place}")]
        if not names:
            return f"there is no {path}"
        size = gone[names[0]]
    return ImageFile(
        path, place, label, size=size, written=written, group=row.group
    )


def _identity(file: ImageFile) -> str:
    """The same for all names of an image, by whichever folders and links."""
    return os.path.realpath(file.path)


def _twice(row: _Row, other: _Row) -> str:
    again = f"line {row.line} names {row.image} again, after line {other.line}"
    if row.label == other.label:
        return again
    return f"{again}, as {row.label} and not {other.label}"


def _check_sides(
    rows: Sequence[_Row], validation: str, faults: _Faults
) -> None:
    """Adds classes that one split lacks, and groups that are in both."""
    first: dict[tuple[str, str, bool], _Row] = {}
    for row in rows:
        for column in ("label", "group"):
            key = (column, getattr(row, column), row.split == validation)
            first.setdefault(key, row)
    for (column, name, is_validation), row in first.items():
        other = first.get((column, name, not is_validation))
        lacking = "train" if is_validation else validation
        if column == "label" and other is None:
            faults.add(
                "classes in one split only",
                row.line,
                f"class {name} (line {row.line}) has no row of {lacking}",
            )
        if column == "group" and name and other and not is_validation:
            faults.add(
                "groups in both splits",
                row.line,
                f"group {name} is in train (line {row.line}) and in "
                f"{validation} (line {other.line})",
            )


def _tell_alike(path: pathlib.Path, names: Iterable[str]) -> None:
    """Says which classes differ in capitals or Unicode form alone."""
    first: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold()
        other = first.setdefault(plain, name)
        if other != name:
            forms = "" if name.isascii() else f" ({other!a} and {name!a})"
            print(
                f"{path} has the classes {other} and {name}{forms}: if they "
                "are one, write it in one way"
            )
