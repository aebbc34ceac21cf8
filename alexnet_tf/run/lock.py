"""One training process at a time in a run folder."""

import contextlib
import errno
import fcntl
import os
import socket
import sys
from collections.abc import Iterator

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import writable
from alexnet_tf.run.folder import Run

NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def locked(run: Run) -> Iterator[None]:
    """Holds a run for this process; the lock ends with it, however it dies.

    An flock: it holds between hosts too where the file system passes it on,
    as NFS does between its clients; Lustre mounted with `localflock` and most
    object stores do not. Where there are no locks at all, that is said.

    Args:
        run: a `Run`, whose folder is made.

    Raises:
        UserError: another process trains in the folder, or it cannot be
            written.
    """
    with writable(f"run folder {run.path}"):
        run.path.mkdir(parents=True, exist_ok=True)
        # To append: a second process must not wipe out the holder's name.
        file = open(run.lock_file, "a+")  # noqa: SIM115
    with file:
        file.seek(0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{run.path} is in use: {file.read() or 'another process'} "
                "trains in it; wait for it or stop it, or name another --run"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS_HERE:
                raise
            print(
                f"warning: {run.path} cannot be locked ({error.strerror}): "
                "see to it that no other process trains in it",
                file=sys.stderr,
            )
        with writable(f"run folder {run.path}"):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        yield
