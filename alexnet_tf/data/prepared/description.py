"""dataset.json of a prepared set, which anyone may have written."""

import dataclasses
import hashlib
import json
import pathlib
import re
from typing import Any

from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.text import read_text
from alexnet_tf.terminal.command import command

DATASET_FILE = "dataset.json"
VERSION = 1  # of the files and of the pixels in them
MOST_RECORDS = 10**9
MOST_BYTES = 10**15
MOST_CLASSES = 10**6
FEWEST_BYTES = 16  # of a record: what frames one in a TFRecord file


@dataclasses.dataclass(frozen=True, kw_only=True)
class Description:
    """What dataset.json says of a set.

    Attributes:
        source: name of the source it was made from.
        format: "jpeg" or "raw".
        class_names: one per label.
        licence: who the images belong to.
        covariance: 3 lists of 3 numbers, see `Statistics`.
        splits: {"train": [{"file", "records", "bytes", "sha256"}, ...], and
            perhaps "validation"}; files lie in the folder itself.
    """

    source: str
    format: str
    class_names: tuple[str, ...]
    licence: str
    covariance: list
    splits: dict

    @property
    def fingerprint(self) -> str:
        """Changes when a shard does."""
        text = json.dumps(self.splits, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_description(folder: str | pathlib.Path) -> Description:
    """The `Description` of the prepared set in a folder.

    Raises:
        UserError: there is none, it is of another version, or a value in it
            makes no sense.
    """
    folder = pathlib.Path(folder)
    file = folder / DATASET_FILE
    if not file.is_file():
        raise UserError(
            f"{folder} holds no prepared set: {DATASET_FILE} is missing; make "
            f"or finish one with {command('prepare', prepared_dir=folder)}"
        )
    with readable(file):
        try:
            values = json.loads(read_text(file))
        except RecursionError:
            values = None  # brackets in brackets in brackets
    if not isinstance(values, dict):
        raise UserError(f"{file} is no description of a prepared set")
    if values.get("version") != VERSION:
        raise UserError(
            f"{file} is of version {_short(values.get('version'))}, this "
            f"program reads version {VERSION}: prepare the set again"
        )
    _check_fields(f"{file} is damaged", values, _REQUIREMENTS)
    _check_splits(file, values["splits"])
    fields = {f.name: values[f.name] for f in dataclasses.fields(Description)}
    fields["class_names"] = tuple(fields["class_names"])
    return Description(**fields)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _is_number(value: Any, most: int) -> bool:
    # Not a number is not between the two either.
    return type(value) in (int, float) and -most <= value <= most


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= MOST_CLASSES
        and all(map(_is_text, value))
    )


def _is_matrix(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(
            isinstance(row, list)
            and len(row) == 3
            and all(_is_number(x, most=255**2) for x in row)
            for row in value
        )
    )


def _are_splits(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and "train" in value
        and value.keys() <= {"train", "validation"}
        and all(isinstance(s, list) and s for s in value.values())
    )


_REQUIREMENTS = {
    "source": (_is_text, "a text"),
    "format": (
        lambda value: _is_text(value) and value in FORMATS,
        " or ".join(FORMATS),
    ),
    "class_names": (_are_names, "a list of two or more names"),
    "licence": (_is_text, "a text"),
    "covariance": (_is_matrix, "three lists of three numbers up to 255^2"),
    "splits": (_are_splits, 'shards of "train", perhaps of "validation"'),
}

_SHARD_REQUIREMENTS = {
    # A name must not lead out of the folder.
    "file": (
        lambda value: (
            _is_text(value)
            and re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,200}", value)
        ),
        "the plain name of a file",
    ),
    "records": (
        lambda value: _is_count(value, MOST_RECORDS),
        "a number of records",
    ),
    "bytes": (lambda value: _is_count(value, MOST_BYTES), "a number of bytes"),
    "sha256": (
        lambda value: _is_text(value) and re.fullmatch("[0-9a-f]{64}", value),
        "64 hexadecimal digits",
    ),
}


def _check_fields(where: str, values: dict, requirements: dict) -> None:
    """Raises `UserError` at the first that is missing or wrong."""
    for key, (is_right, wanted) in requirements.items():
        if key not in values:
            raise UserError(f"{where}: it lacks {key}")
        if not is_right(values[key]):
            raise UserError(
                f"{where}: {key} is {_short(values[key])} instead of {wanted}; "
                "copy the set again, or prepare it again"
            )


def _check_splits(file: pathlib.Path, splits: dict[str, list]) -> None:
    """Raises `UserError` at the first shard that makes no sense."""
    names = set()
    for split, shards in splits.items():
        for number, shard in enumerate(shards):
            where = f"{file} is damaged: shard {number + 1} of {split}"
            if not isinstance(shard, dict):
                raise UserError(f"{where} is {_short(shard)}, not an object")
            _check_fields(where, shard, _SHARD_REQUIREMENTS)
            if shard["records"] * FEWEST_BYTES > shard["bytes"]:
                raise UserError(
                    f"{where}: {shard['records']} records do not fit into "
                    f"{shard['bytes']} bytes"
                )
            if shard["file"] in names:
                raise UserError(f"{where} is {shard['file']} once more")
            names.add(shard["file"])
        if not sum(shard["records"] for shard in shards):
            raise UserError(f"{file} is damaged: {split} has no records")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
