"""Standard output and standard error of a server that waits for no reader."""

import contextlib
import io
import os
import queue
import sys
import threading
from collections.abc import Iterator

from absl import logging

_MOST_LINES = 1000
# The last lines may take this long at the end.
_SECONDS_TO_CLOSE = 0.5


@contextlib.contextmanager
def streams_aside() -> Iterator[None]:
    """In it, `sys.stdout` and `sys.stderr` are `BackgroundStream`s."""
    logger = logging.get_absl_handler().python_handler
    with (
        BackgroundStream(1) as output,
        BackgroundStream(2) as errors,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        before = logger.setStream(errors)
        try:
            yield
        finally:
            logger.setStream(before or sys.__stderr__)


class BackgroundStream(io.TextIOBase):
    """Text to a file descriptor, written by a thread, line by line.

    Nobody may read the other end of a pipe: whoever writes to it would wait
    for good. Of the lines that wait here, those over 1,000 are dropped, and
    so are those that cannot be written: the disk is full, or the reader has
    gone. How many is told once there is room again.

    Args:
        descriptor: of the file; a copy of it is kept, so that lines go where
            it leads now.
    """

    def __init__(self, descriptor: int) -> None:
        self._file = os.dup(descriptor)
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_LINES)
        self._lock = threading.Lock()
        self._dropped = 0
        self._begun = threading.local()
        self._thread = threading.Thread(
            target=self._run, name="log", daemon=True
        )
        self._thread.start()

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str, /) -> int:
        """Takes text; a line of it goes on once the thread has ended it."""
        begun = getattr(self._begun, "text", "")
        *lines, self._begun.text = (begun + text).split("\n")
        for line in lines:
            try:
                self._lines.put_nowait(f"{line}\n")
            except queue.Full:
                self._note_dropped(1)
        return len(text)

    def close(self) -> None:
        """Ends it after the lines that wait, or without if that takes long."""
        if not self.closed:
            with contextlib.suppress(queue.Full):
                self._lines.put(None, timeout=_SECONDS_TO_CLOSE)
            self._thread.join(_SECONDS_TO_CLOSE)
        super().close()

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            if not self._written(line):
                self._note_dropped(1)
            if self._lines.empty():
                self._tell_dropped()
        self._tell_dropped()
        os.close(self._file)

    def _tell_dropped(self) -> None:
        dropped = self._dropped
        if dropped and self._written(f"{dropped} log lines were dropped\n"):
            self._note_dropped(-dropped)

    def _note_dropped(self, count: int) -> None:
        with self._lock:
            self._dropped += count

    def _written(self, line: str) -> bool:
        left = line.encode("utf-8", "backslashreplace")
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            return False
        return True
