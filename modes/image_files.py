"""Image files that a person names: good ones, and the rest reported."""

import glob
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from alexnet_tf.data.image_names import (
    OTHER_SUFFIXES,
    SUFFIXES,
    is_hidden,
    is_image_name,
    is_of_system,
)
from alexnet_tf.data.other_formats import ADDRESS, is_address, other_format
from alexnet_tf.data.preprocess import decode, refusal, to_record
from alexnet_tf.errors import BAD_INPUT, UserError
from alexnet_tf.files.text import counted, printable
from alexnet_tf.terminal.progress import ProgressReport

MANY = 10  # files whose progress is worth a line
MOST_NAMES = 3


class UnusableImage(Exception):
    """An image file that cannot be used; its message says why."""


def files_of(images: Iterable[str], mode: str) -> list[str]:
    """The files that are named, and the images in the folders that are.

    A pattern such as DIR/*.JPG, which a shell leaves where it is quoted,
    stands for what matches it. Of a folder and those in it all files are
    taken whose names are an image's; a line tells of the others. Hidden files
    and what systems leave, such as Thumbs.db, are passed over.

    Args:
        images: values of --image.
        mode: that they were given to.

    Raises:
        UserError: there are none.
    """
    files, left_out = [], []
    for path in _matching(images):
        if is_of_system(os.path.basename(path)):
            continue
        if os.path.isdir(path):
            inside = _files_in(path)
            files += [f for f in inside if _is_taken(f)]
            left_out += [f for f in inside if not _is_taken(f)]
        else:
            files.append(path)
    if left_out:
        names = ", ".join(map(printable, left_out[:MOST_NAMES]))
        more = len(left_out) - MOST_NAMES
        print(
            f"left out {counted(len(left_out), 'file')}, no image by its "
            f"name: {names}" + (f" and {more} more" if more > 0 else ""),
            file=sys.stderr,
        )
    if not files:
        raise UserError(
            f"--mode={mode} needs --image=FILE, several files, or a folder "
            f"with some ({', '.join(SUFFIXES)}); a file that is named itself "
            "may have any name"
        )
    return files


def _matching(images: Iterable[str]) -> Iterator[str]:
    for image in images:
        found = (
            [] if os.path.lexists(image) else glob.glob(image, recursive=True)
        )
        yield from sorted(found) or [image]


def _files_in(folder: str) -> list[str]:
    """Files in a folder and those below it, but hidden ones; sorted."""
    files = []
    for where, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = (f for f in folders if not is_hidden(f))
        paths = (os.path.join(where, n) for n in names if not is_hidden(n))
        files += filter(os.path.isfile, paths)
    return sorted(files)


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be read: {error.strerror}")


def _is_taken(file: str) -> bool:
    # Those of formats that are not read are reported, each with a remedy.
    return is_image_name(os.path.basename(file)) or file.lower().endswith(
        OTHER_SUFFIXES
    )


def with_progress(files: Sequence[str], work: str) -> Iterator[str]:
    """Yields the files; shows how far the work on them is if they are many.

    Args:
        files: their paths.
        work: its name.
    """
    if len(files) < MANY:
        yield from files
        return
    with ProgressReport(work, len(files)) as progress:
        for file in files:
            yield file
            progress.advance(1)


def read_record(file: str) -> np.ndarray:
    """The record of an image file, uint8 [256, 256, 3], 0..255.

    Raises:
        UnusableImage: it is missing or no image that can be used.
    """
    try:
        content = pathlib.Path(file).read_bytes()
    except OSError as error:
        if is_address(file):
            raise UnusableImage(ADDRESS) from None
        raise UnusableImage(error.strerror) from None
    try:
        return to_record(decode(content)).numpy()
    except tf.errors.InvalidArgumentError as error:
        reason = other_format(content) or refusal(error)
        raise UnusableImage(reason) from None


def report_failed(results: Iterable[dict]) -> int:
    """Prints the files that could not be used; returns the exit code.

    Args:
        results: dicts with "file", and "error" where it could not be used.
    """
    failed = [result for result in results if "error" in result]
    for result in failed:
        print(f"main.py: {result['file']}: {result['error']}", file=sys.stderr)
    return BAD_INPUT if failed else 0
