"""Connections: accepted, and ended where nothing comes over them."""

import asyncio
import contextlib
import errno
import resource
import socket
import sys
import time
from collections.abc import Iterator

from aiohttp import web

from export.server.http.limits import Limits
from export.server.json.document import shortened

_BACKLOG = 128
# Oldest idle connections that give way at once where there is no room.
_AT_ONCE = 8
_PAUSE_SECONDS = 0.05
_SECONDS_BETWEEN_LINES = 1
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class _Connection(web.RequestHandler):
    """aiohttp's, but for answers to what is no HTTP, which repeat it all."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        message = message and shortened(message)
        return super().handle_error(request, status, exc, message)


class Connections:
    """The connections of a server.

    A connection is idle unless a request is being answered on it: before its
    first headers are complete, and between requests. Half of the process's
    file descriptors are for connections. Where these are used up, the oldest
    idle ones give way to new ones. (asyncio's own server would write a line
    for every connection that it cannot accept, millions of them.)

    Args:
        limits: how long a connection may be idle.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most = max(_AT_ONCE, _descriptors() // 2)
        # {connection: (since when, how long at most)}, the oldest first.
        self._idle: dict[web.RequestHandler, tuple[float, float]] = {}
        self._opening: set[asyncio.Task] = set()
        self._shed = 0
        self._last_line = -float("inf")

    def start(self, server: web.Server, bound: socket.socket) -> None:
        """Begins to accept connections.

        Args:
            server: that answers on them.
            bound: socket that has an address and does not listen yet.

        Raises:
            OSError: another process was quicker to listen on the address.
        """
        self._server = server
        self._bound = bound
        self._loop = asyncio.get_running_loop()
        bound.listen(_BACKLOG)
        bound.setblocking(False)
        self._resume()
        self._sweeping = self._loop.create_task(self._sweep())

    async def stop(self) -> None:
        """Accepts no more; open connections remain."""
        self._loop.remove_reader(self._bound)
        self._bound.close()
        self._sweeping.cancel()
        await asyncio.gather(
            self._sweeping, *self._opening, return_exceptions=True
        )

    @contextlib.contextmanager
    def busy(self, connection: web.RequestHandler) -> Iterator[None]:
        """Context manager in which a connection is not idle."""
        self._idle.pop(connection, None)
        try:
            yield
        finally:
            if connection.transport is not None:
                self._note_idle(connection, self._limits.idle_seconds)

    def _note_idle(self, connection: web.RequestHandler, most: float) -> None:
        self._idle[connection] = time.monotonic(), most

    def _resume(self) -> None:
        if self._bound.fileno() != -1:
            self._loop.add_reader(self._bound, self._accept)

    def _accept(self) -> None:
        room = self._most - len(self._server.connections) - len(self._opening)
        for _ in range(_BACKLOG):
            if room <= 0:
                self._make_room()
                return
            try:
                accepted, _ = self._bound.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._make_room()
                return
            room -= 1
            accepted.setblocking(False)
            opening = self._loop.create_task(
                self._loop.connect_accepted_socket(self._connection, accepted)
            )
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    def _connection(self) -> web.RequestHandler:
        # This makes connections as the server makes its own when it is called.
        connection = _Connection(
            self._server, loop=self._loop, **self._server._kwargs
        )
        self._note_idle(connection, self._limits.header_seconds)
        return connection

    def _make_room(self) -> None:
        self._loop.remove_reader(self._bound)
        self._loop.call_later(_PAUSE_SECONDS, self._resume)
        for connection in list(self._idle)[:_AT_ONCE]:
            self._close(connection)
            self._shed += 1
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            print(
                f"no room for more connections: {self._shed} idle ones closed, "
                f"{len(self._server.connections)} open, {self._most} at most",
                file=sys.stderr,
                flush=True,
            )
            self._last_line, self._shed = now, 0

    async def _sweep(self) -> None:
        limits = self._limits
        pause = min(1, limits.header_seconds / 4, limits.idle_seconds / 4)
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            for connection, (since, most) in list(self._idle.items()):
                if connection.transport is None or now - since >= most:
                    self._close(connection)

    def _close(self, connection: web.RequestHandler) -> None:
        self._idle.pop(connection, None)
        # It is closed without waiting until what was sent has been taken.
        if connection.transport is not None:
            connection.transport.abort()


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**20 if soft == resource.RLIM_INFINITY else soft
