"""Asks again where that may help."""

import itertools
import random
import time
from collections.abc import Callable
from typing import Any

from export.client.server_errors import ServerError, TryAgain
from export.client.settings import Settings

MOST_DOUBLINGS = 6  # half a second becomes half a minute


def repeated(attempt: Callable[[float], Any], settings: Settings) -> Any:
    """Returns what `attempt` returns, at last.

    Predictions change nothing on a server, so any request may be repeated.

    Args:
        attempt: function of the seconds that are left; raises `TryAgain`
            where the same request may succeed later.
        settings: `Settings`, of which `retries`, `timeout` and `first_wait`.

    Raises:
        ServerError: repeats or time are used up.
    """
    start = time.monotonic()
    end = start + settings.timeout
    for tried in itertools.count(1):
        try:
            return attempt(max(end - time.monotonic(), 0.001))
        except TryAgain as failure:
            wait = failure.wait
            if wait is None:
                wait = _wait(settings.first_wait, tried)
            now = time.monotonic()
            if tried > settings.retries or now + wait >= end:
                raise ServerError(
                    _given_up(failure, tried, now - start)
                ) from None
        time.sleep(wait)


def _wait(first: float, tried: int) -> float:
    # The wait is drawn by chance, or clients that failed together would come
    # back together.
    return first * 2 ** min(tried - 1, MOST_DOUBLINGS) * random.uniform(0.5, 1)


def _given_up(failure: TryAgain, tried: int, seconds: float) -> str:
    times = "once" if tried == 1 else f"{tried} times"
    asks = f"; it asks to wait {failure.wait:.3g} s" if failure.wait else ""
    return f"{failure} (tried {times} in {seconds:.1f} s{asks})"
