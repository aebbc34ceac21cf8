"""A number of bytes that coroutines share."""

import asyncio
import collections


class MemoryBudget:
    """Lends bytes, to those who wait in the order they came.

    Args:
        size: bytes there are.
    """

    def __init__(self, size):
        self._free = size
        self._waiting = collections.deque()

    async def take(self, size):
        """Waits until `size` bytes are free and takes them.

        The caller has to `give` them back. A cancelled call has taken none.
        """
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self.give(0)  # those behind it may go on
            else:
                self.give(size)
            raise

    def give(self, size):
        """Gives bytes back."""
        self._free += size
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.done():
                if size > self._free:
                    return
                self._free -= size
                turn.set_result(None)
            self._waiting.popleft()
