"""When the work on a request is no longer worth going on."""

import time

from export.server.serving_error import ServingError


class Deadline:
    """A point in time that work asks about, since no thread can be stopped.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            ServingError: none.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise ServingError("the time is over", "DEADLINE_EXCEEDED")
        return left

    def check(self) -> None:
        """Raises `ServingError` if no time is left."""
        self.left()
