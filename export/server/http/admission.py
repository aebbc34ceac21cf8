"""Runs requests in threads: so many at once, so many waiting, no more."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from export.server.http.bodies import Body, FullError
from export.server.http.limits import Limits

T = TypeVar("T")


class Admission:
    """Lets requests whose body has arrived in and runs them.

    To be made, and used, in a running event loop.

    Args:
        limits: how many, and for how long.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = limits.running + limits.waiting
        self._slots = asyncio.Semaphore(limits.running)
        self._threads = ThreadPoolExecutor(
            limits.running, thread_name_prefix="request"
        )
        self._inside = 0

    async def run(self, body: Body, job: Callable[[Body], T]) -> T:
        """Runs a job on a body in a thread.

        A job that outlasts the time keeps its thread and its place until it
        ends, for a thread cannot be interrupted.

        Args:
            body: whole; closed once the job has ended or cannot begin.
            job: function of the body. It raises nothing: an exception in a
                future refers to its frames and they to it, so that what the
                request took would wait for the collector's next full round.

        Returns:
            What `job` returned.

        Raises:
            FullError: at once, if there is no place.
            asyncio.TimeoutError: the time was over before the job ended.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.seconds
        with contextlib.ExitStack() as held:
            held.callback(body.close)
            if self._inside >= self._places:
                raise FullError
            self._inside += 1
            held.callback(self._leave)
            await _until(end, self._take_slot(held))
            running = self._threads.submit(job, body)
            # From here on only the end of the job gives back what is held.
            release = held.pop_all().close
            running.add_done_callback(lambda _: _call_in(loop, release))
        return await _until(end, asyncio.wrap_future(running))

    async def _take_slot(self, held: contextlib.ExitStack) -> None:
        # It is noted in the same step: `wait_for` may lose the result of a call
        # that ends as it is cancelled.
        await self._slots.acquire()
        held.callback(self._slots.release)

    def _leave(self) -> None:
        self._inside -= 1


async def _until(end: float, awaitable: Awaitable[Any]) -> Any:
    left = end - asyncio.get_running_loop().time()
    return await asyncio.wait_for(awaitable, left)


def _call_in(
    loop: asyncio.AbstractEventLoop, function: Callable[[], Any]
) -> None:
    # A loop that is closed has ended with the server: nothing is left to do.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)
