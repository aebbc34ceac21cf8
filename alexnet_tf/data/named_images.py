"""Files that a person names: one by one, by folders, patterns and lists.

Nothing here needs TensorFlow: the client of a server uses it, too.
"""

import codecs
import errno
import glob
import os
import pathlib
import stat
import sys
from collections.abc import Iterable, Iterator

from alexnet_tf.data.image_names import (
    SUFFIXES,
    files_below,
    is_image_name,
    is_of_system,
    is_other_image_name,
)
from alexnet_tf.data.list_files import read_list
from alexnet_tf.data.other_formats import LOOKED_AT, is_address, other_format
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.text import counted, printable

MOST_NAMES = 3
TABLES = (".csv", ".tsv")
LISTS = (*TABLES, ".txt")
NO_FILE = (
    "a pipe or a device, not a file: save what comes from it, then give the "
    "path of that"
)


def files_of(
    images: Iterable[str], asked: str, table: str | None = None
) -> list[str]:
    """The files that are named, and the images in the folders that are.

    A pattern such as DIR/*.JPG, which a shell leaves where it is quoted,
    stands for what matches it. Of a folder and those in it all files are
    taken whose names are an image's; a line tells of the others. Hidden files
    and what systems leave, such as Thumbs.db, are passed over. A file with the
    suffix of a list, see `LISTS`, stands for the files that it names. A file
    that is not there is taken where its name is an image's, to be told of in
    its place.

    Args:
        images: paths and patterns.
        asked: beginning of the message where there are none.
        table: file that the caller writes, which may lie among them and is
            no news.

    Raises:
        UserError: there are none, a list cannot be read, or what could be a
            folder or a list is not there.
    """
    files, left_out = [], []
    for path in _matching(images):
        if is_of_system(os.path.basename(path)):
            continue
        if path.lower().endswith(LISTS) and os.path.isfile(path):
            files += _listed(path)
        elif os.path.isdir(path):
            inside = [f for f in files_below(path) if not _is_same(f, table)]
            files += [f for f in inside if _is_taken(f)]
            left_out += [f for f in inside if not _is_taken(f)]
        elif _may_be_image(path):
            files.append(path)
        else:
            raise UserError(f"there is no {printable(path)}")
    if left_out:
        names = ", ".join(map(printable, left_out[:MOST_NAMES]))
        more = len(left_out) - MOST_NAMES
        print(
            f"left out {counted(len(left_out), 'file')}, no image by its "
            f"name or no regular file: {names}"
            + (f" and {more} more" if more > 0 else ""),
            file=sys.stderr,
        )
    if not files:
        raise UserError(
            f"{asked}, several files, a list of them ({', '.join(LISTS)}), or "
            f"a folder with some ({', '.join(SUFFIXES)}); an image that is "
            "named itself may have any other name"
        )
    return files


def content_of(file: str, most: int) -> bytes:
    """What is in an image file.

    Args:
        file: its path.
        most: bytes that an image may have.

    Raises:
        OSError: it cannot be read, is larger, or is no file: reading a pipe
            would wait for ever, and a device may have no end. Its `strerror`
            says so.
    """
    state = os.stat(file)
    if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
        raise OSError(errno.EINVAL, NO_FILE)
    with open(file, "rb") as stream:
        if state.st_size <= most:
            return stream.read(state.st_size)
        kind = other_format(stream.read(LOOKED_AT))
    raise OSError(errno.EFBIG, kind or f"larger than {most >> 20} MiB")


def _matching(images: Iterable[str]) -> Iterator[str]:
    for image in images:
        found = (
            [] if os.path.lexists(image) else glob.glob(image, recursive=True)
        )
        yield from sorted(found) or [image]


def _listed(path: str) -> list[str]:
    """The files that a list names, relative to its folder.

    A table has a column `image`; other lists have a path a line.
    """
    if path.lower().endswith(TABLES):
        names = _column(path)
    else:
        with readable(path):
            content = pathlib.Path(path).read_bytes()
        # Names of files may be any bytes.
        lines = os.fsdecode(content.removeprefix(codecs.BOM_UTF8)).split("\n")
        names = [line.strip() for line in lines]
    if any("\0" in name for name in names):
        raise UserError(f"{path} is no list of paths: it has null characters")
    folder = os.path.dirname(path)
    return [_found(folder, name) for name in names if name]


def _column(path: str) -> list[str]:
    wanted = "the first line has to name the column image"
    (_, header), *rows = read_list(
        pathlib.Path(path), ["image"], ["image"], wanted
    )
    place = [cell.casefold() for cell in header].index("image")
    for line, cells in rows:
        if len(cells) <= place or not cells[place]:
            raise UserError(f"{path}: line {line} names no image")
    return [cells[place] for _, cells in rows]


def _found(folder: str, name: str) -> str:
    """The path of a name in a list; \\ is / where there is no such file."""
    if is_address(name):
        return name
    path = os.path.join(folder, name)
    if "\\" in name and not os.path.lexists(path):
        path = os.path.join(folder, name.replace("\\", "/"))
    return path


def _is_same(file: str, table: str | None) -> bool:
    return table is not None and os.path.realpath(file) == os.path.realpath(
        table
    )


def _may_be_image(path: str) -> bool:
    """Whether a path that is no folder is an image, or meant as one."""
    return os.path.lexists(path) or is_address(path) or _is_named_as_image(path)


def _is_taken(file: str) -> bool:
    # A link that leads nowhere is a broken image; reading a pipe would wait for
    # ever.
    if os.path.exists(file) and not os.path.isfile(file):
        return False
    # Those of formats that are not read are reported, each with a remedy.
    return _is_named_as_image(file)


def _is_named_as_image(file: str) -> bool:
    name = os.path.basename(file)
    return is_image_name(name) or is_other_image_name(name)
