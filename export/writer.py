"""Writes versions of a model where TF Serving finds them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import tensorflow as tf
from keras.export import ExportArchive

from alexnet_tf.files.atomic import writable
from alexnet_tf.files.versions import versions_in

if TYPE_CHECKING:
    from export.signatures import Signatures

UNFINISHED = ".unfinished-"


def write_version(
    export_dir: str | pathlib.Path,
    write_contents: Callable[[pathlib.Path], None],
    keep: int = 0,
) -> pathlib.Path:
    """Writes `<export_dir>/<version>/`, which appears in one rename.

    The server polls `export_dir` and loads whatever folder with a number for
    a name it finds, finished or not; so the version is written under another
    name first. That lies in the same folder, which may be a mount.

    Args:
        export_dir: base folder of the model.
        write_contents: writes the version into the path that it is given,
            which does not exist yet.
        keep: number of versions to keep, the newest; 0 keeps all.

    Returns:
        Path of the new version: one more than the highest there is.

    Raises:
        UserError: the folder cannot be written.
    """
    base = pathlib.Path(export_dir)
    with writable(f"--export_dir={base}"):
        base.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(base)
        with _unfinished_folder(base) as unfinished:
            write_contents(unfinished / "version")
            version = _publish(unfinished / "version", base)
        if keep:
            _remove_all_but(base, keep)
    return version


def save(path: pathlib.Path, signatures: Signatures) -> None:
    """Writes the SavedModel of `signatures` to the new folder `path`."""
    # There is no `track(network)`: it stores every weight a second time. Nor is
    # there a tf.Module around a Keras model: TF Serving then finds other
    # variables than those that were restored.
    archive = ExportArchive()
    for name, (function, specs) in signatures.endpoints().items():
        archive.add_endpoint(name, function, specs)
    # No server differentiates.
    without_gradients = tf.saved_model.SaveOptions(
        experimental_custom_gradients=False
    )
    archive.write_out(str(path), without_gradients, verbose=False)


def _publish(finished: pathlib.Path, base: pathlib.Path) -> pathlib.Path:
    """Renames `finished` to the next version; returns its path."""
    while True:
        version = base / str(max(versions_in(base), default=0) + 1)
        try:
            return finished.rename(version)
        except OSError:
            if not version.exists():
                raise
            # Another export took the number in this moment.


def _remove_all_but(base: pathlib.Path, keep: int) -> None:
    for path in list(versions_in(base).values())[:-keep]:
        # It is renamed first: a half-removed version must not look like one.
        with _unfinished_folder(base) as removed:
            path.rename(removed / "version")


@contextlib.contextmanager
def _unfinished_folder(base: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder that no server loads, locked while in use, then removed."""
    # The base is locked meanwhile: a folder without a lock is abandoned.
    with _locked(base):
        folder = pathlib.Path(tempfile.mkdtemp(dir=base, prefix=UNFINISHED))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned(base: pathlib.Path) -> None:
    """Removes what killed exports left: folders that nobody has locked."""
    with _locked(base):
        for folder in base.glob(f"{UNFINISHED}*"):
            # Another export is writing it, or has just removed it.
            with (
                contextlib.suppress(BlockingIOError, FileNotFoundError),
                _locked(folder, fcntl.LOCK_NB),
            ):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: pathlib.Path, how: int = 0) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)
