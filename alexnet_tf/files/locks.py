"""A file that one process holds at a time; the lock ends with the process."""

import errno
import fcntl
import sys
from typing import IO

NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def lock(file: IO, path: object, does: str) -> None:
    """Locks an open file with flock; says so where there are no locks at all.

    Args:
        file: that is to be locked until it is closed.
        path: what the warning calls it.
        does: what the process does with it, a verb.

    Raises:
        BlockingIOError: another process holds it.
        OSError: it cannot be locked.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_LOCKS_HERE:
            raise
        print(
            f"warning: {path} cannot be locked ({error.strerror}): see to it "
            f"that no other process {does} in it",
            file=sys.stderr,
        )
