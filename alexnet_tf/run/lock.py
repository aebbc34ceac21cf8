"""One process at a time in a folder that it writes."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import append, writable
from alexnet_tf.files.locks import lock
from alexnet_tf.run.folder import LOCK_FILE, Run


@contextlib.contextmanager
def locked(run: Run) -> Iterator[None]:
    """Holds a run for this process that trains, as `locked_folder` does.

    Args:
        run: a `Run`, whose folder is made.

    Raises:
        UserError: another process trains in the folder, or it cannot be
            written.
    """
    with locked_folder(run.path, "run folder", "trains", "--run"):
        yield


@contextlib.contextmanager
def locked_folder(
    folder: pathlib.Path, kind: str, does: str, flag: str
) -> Iterator[None]:
    """Holds a folder for this process; the lock ends with it, however it dies.

    An flock: it holds between hosts too where the file system passes it on,
    as NFS does between its clients; Lustre mounted with `localflock` and most
    object stores do not. Where there are no locks at all, that is said.

    Args:
        folder: its path; it is made.
        kind: what messages call it.
        does: what the process does in it, a verb.
        flag: that names another one.

    Raises:
        UserError: another process holds the folder, or it cannot be written.
    """
    with writable(f"{kind} {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        # The file is opened to append: a second process must not wipe out the
        # holder's name.
        file = open(folder / LOCK_FILE, "ab+", buffering=0)  # noqa: SIM115
    with file:
        file.seek(0)
        try:
            lock(file, folder, does)
        except BlockingIOError:
            holder = file.read().decode(errors="replace")
            raise UserError(
                f"{folder} is in use: {holder or 'another process'} "
                f"{does} in it; wait for it or stop it, or name another {flag}"
            ) from None
        with writable(f"{kind} {folder}"):
            file.truncate(0)
            name = f"process {os.getpid()} on {socket.gethostname()}"
            append(file, name.encode())
        yield
