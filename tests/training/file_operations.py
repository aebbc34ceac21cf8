"""Dying before a chosen file operation, to try out every moment of a save."""

import os
import signal
import sys

EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")


class FileOperations:
    """Counts the file operations of this process in a folder.

    HDF5's own are not among them: Python does not see them.

    Args:
        folder: path; as the program spells it.
        last: number of the operation, from 1, before which the process kills
            itself with SIGKILL, or None.
    """

    def __init__(self, folder, last=None):
        self.count = 0
        self._folder = str(folder)
        self._last = last
        sys.addaudithook(self._notice)

    def _notice(self, event, arguments):
        if event in EVENTS and str(arguments[0]).startswith(self._folder):
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
