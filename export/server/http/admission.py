"""Runs requests in threads: so many at once, so many waiting, no more."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

from export.server.http.memory_budget import MemoryBudget


class FullError(Exception):
    """As many requests are waiting as may."""


class SlowBodyError(Exception):
    """The body of a request did not arrive in time."""


class Admission:
    """Lets requests in, reads their bodies and runs them.

    To be made, and used, in a running event loop.

    Args:
        limits: `Limits`.
    """

    def __init__(self, limits):
        self._limits = limits
        self._places = limits.running + limits.waiting
        self._memory = MemoryBudget(limits.memory_bytes)
        self._slots = asyncio.Semaphore(limits.running)
        self._threads = ThreadPoolExecutor(
            limits.running, thread_name_prefix="request"
        )
        self._inside = 0

    async def run(self, size, read, job):
        """Reads a body and runs a job on it in a thread.

        A job that outlasts the time keeps its thread and its place until it
        ends, for a thread cannot be interrupted.

        Args:
            size: bytes the body may have.
            read: coroutine function that returns the body.
            job: function of the body.

        Returns:
            What `job` returned.

        Raises:
            FullError: at once, if there is no place.
            SlowBodyError: the time was over before the body was there.
            asyncio.TimeoutError: the time was over before the job ended.
            Exception: what `read` or `job` raised.
        """
        if self._inside >= self._places:
            raise FullError
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.seconds
        with contextlib.ExitStack() as held:
            self._inside += 1
            held.callback(self._leave)
            await _until(end, self._take_memory(size, held))
            try:
                body = await _until(end, read())
            except asyncio.TimeoutError:
                raise SlowBodyError from None
            await _until(end, self._take_slot(held))
            result = self._threads.submit(job, body)
            # From here on only the end of the job gives back what is held.
            release = held.pop_all().close
            result.add_done_callback(lambda _: _call_in(loop, release))
        return await _until(end, asyncio.wrap_future(result))

    # What is taken is noted in the same step: `wait_for` may lose the result
    # of a call that ends as it is cancelled.

    async def _take_memory(self, size, held):
        await self._memory.take(size)
        held.callback(self._memory.give, size)

    async def _take_slot(self, held):
        await self._slots.acquire()
        held.callback(self._slots.release)

    def _leave(self):
        self._inside -= 1


async def _until(end, awaitable):
    left = end - asyncio.get_running_loop().time()
    return await asyncio.wait_for(awaitable, left)


def _call_in(loop, function):
    # A loop that is closed has ended with the server: nothing is left to do.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)
