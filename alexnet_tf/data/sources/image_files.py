"""Splits of images that have a file each, found by folders or by a list."""

import dataclasses
import hashlib
import os
import pathlib
import stat
from collections.abc import Sequence

import numpy as np

from alexnet_tf.data.image_set import Split, table_split
from alexnet_tf.data.preprocess import MAX_FILE_BYTES
from alexnet_tf.files.text import printable

TOO_LARGE = f"larger than {MAX_FILE_BYTES >> 20} MiB"


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """An image file and what is known of it without reading it.

    Attributes:
        path: where it lies.
        place: its path as it stays where all of them are moved.
        label: of its class.
        size: bytes; None where it cannot be looked at.
        written: time of the last change, in seconds since 1970.
        group: what it belongs to; "" where it stands for itself.
    """

    path: pathlib.Path
    place: str
    label: int
    _: dataclasses.KW_ONLY
    size: int | None
    written: float
    group: str = ""


def state_of(path: pathlib.Path) -> tuple[int | None, float, str]:
    """(size, time of the last change, what it is if it is not to be read)."""
    try:
        state = path.stat()
    except OSError:
        return None, 0.0, ""  # a link that leads nowhere is a broken image
    why = ""
    if not stat.S_ISREG(state.st_mode):
        why = "no file"  # reading a pipe would wait for ever
    elif state.st_size > MAX_FILE_BYTES:
        why = TOO_LARGE  # reading it would take its size several times over
    return state.st_size, state.st_mtime, why


def file_split(files: Sequence[ImageFile]) -> Split:
    """The `Split` of some files, numbered in their order."""
    paths = [str(file.path) for file in files]
    table = {
        "id": np.arange(len(files), dtype=np.int64),
        "image": np.array(
            [os.fsencode(path) for path in paths], object if paths else str
        ),
        "label": np.array([file.label for file in files], np.int64),
    }
    has_groups = any(file.group for file in files)
    return table_split(
        table,
        lambda i: printable(paths[i]),
        bytes_of=lambda i: files[i].size,
        place_of=lambda i: files[i].place,
        content_of=lambda i: files[i].path.read_bytes(),
        written=np.array([file.written for file in files]),
        group_of=(lambda i: files[i].group) if has_groups else None,
    )


def fingerprint_of(files: Sequence[ImageFile]) -> str:
    """Changes when places, labels, sizes, groups or the order do."""
    digest = hashlib.sha256()
    for file in files:
        group = f" {file.group}" if file.group else ""
        line = f"{file.place} {file.label} {file.size}{group}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
