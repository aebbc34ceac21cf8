"""Files that are complete or absent: written aside, then renamed."""

import contextlib
import csv
import io
import os
import pathlib
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator

from alexnet_tf.errors import UserError, one_line

# Characters of a name, four bytes each at most, that a temporary name repeats:
# a file system takes 255 bytes, and the temporary name has others besides.
_REPEATED = 40


@contextlib.contextmanager
def replacing(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path that becomes `path` when the block succeeds.

    The temporary file lies beside `path` and keeps its suffix, which some
    writers take the format from. On an exception `path` is left as it was.
    """
    path = pathlib.Path(path)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.stem[:_REPEATED]}-", suffix=path.suffix
    )
    os.close(handle)
    temporary = pathlib.Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary folder that becomes `path` when the block succeeds.

    Raises:
        UserError: `path` is there already, and no empty folder.
    """
    path = pathlib.Path(path)
    check_new_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(
        tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:_REPEATED]}-")
    )
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_folder(path: str | pathlib.Path) -> None:
    """Raises `UserError` if `path` is there, and no empty folder."""
    path = pathlib.Path(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(
            f"{path} is there already: remove it, or name another folder"
        )


def write_text(path: str | pathlib.Path, text: str) -> None:
    """Writes `text` to `path`, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def append(file: io.FileIO, content: bytes) -> None:
    """Writes all of `content` to an unbuffered file.

    With a buffer, closing the file would try once more what did not fit on a
    full disk, and fail in place of the error that is told.
    """
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def flush_to_disk(path: str | pathlib.Path) -> None:
    """Waits until a file, or the names in a folder, would survive a crash."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def readable(path: object) -> Iterator[None]:
    """Turns a missing or damaged file into a `UserError`."""
    try:
        yield
    except (
        OSError,
        ValueError,
        KeyError,
        csv.Error,
        tarfile.ReadError,
        zipfile.BadZipFile,
    ) as error:
        reason = one_line(error)
        raise UserError(f"{path} cannot be read: {reason}") from None


@contextlib.contextmanager
def writable(path: object) -> Iterator[None]:
    """Turns a failure to write below `path` into a `UserError`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
