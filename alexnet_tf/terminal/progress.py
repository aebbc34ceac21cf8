"""Progress of long work: a bar on a terminal, lines elsewhere."""

import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SECONDS_BETWEEN_LINES = 10


class ProgressReport:
    """Shows how far a piece of work is, its speed and the time left.

    A context manager; writes to standard error.

    Args:
        what: name of the work.
        total: amount of work, in images.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = total
        self.done = 0
        console = Console(stderr=True)
        self._bar = _bar(console) if console.is_terminal else None
        self._task = None

    def __enter__(self) -> "ProgressReport":
        self._start = self._last_line = time.monotonic()
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(
                self.what, total=self.total, details=""
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar:
            self._bar.stop()
        elif self.done:
            self._print_line("")

    def advance(self, images: int, details: str = "") -> None:
        """Reports `images` more images done, with a text beside them."""
        self.done += images
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=images, details=details)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._print_line(details)

    @property
    def images_per_second(self) -> float:
        """Mean speed since the work began."""
        elapsed = time.monotonic() - self._start
        return self.done / elapsed if elapsed else 0.0

    def _print_line(self, details: str) -> None:
        left = (self.total - self.done) / max(self.images_per_second, 1e-9)
        print(
            f"{self.what}: {self.done}/{self.total} images, "
            f"{self.images_per_second:.0f} images/s, {left:.0f} s left"
            + (f", {details}" if details else ""),
            file=sys.stderr,
            flush=True,
        )


class _ImagesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:.0f} images/s")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        _ImagesPerSecond(),
        TimeRemainingColumn(),
        TextColumn("left {task.fields[details]}"),
        console=console,
    )
