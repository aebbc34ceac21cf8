"""From the listening socket to the last answer."""

import asyncio
import contextlib
import ipaddress
import logging
import signal
import socket
from collections.abc import Callable

from aiohttp import web
from aiohttp.http import HttpProcessingError

from alexnet_tf.errors import UserError
from export.server.http.application import CONNECTIONS

# During these a client may go on to send what was refused, and so read the
# answer.
LINGERING_SECONDS = 1


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that has the address but does not listen yet.

    Args:
        host: name or address.
        port: number; 0 takes a free one.

    Raises:
        UserError: the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with contextlib.ExitStack() as on_error:
            bound = on_error.enter_context(
                socket.socket(family, kind, protocol)
            )
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            on_error.pop_all()
    except OSError as error:
        raise UserError(
            f"cannot listen on --host={host} --port={port}: {error.strerror}"
        ) from None
    return bound


def url_of(bound: socket.socket) -> str:
    """The address of a socket as a URL; of all addresses, the host's name."""
    host, port = bound.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_until_signal(
    app: web.Application,
    bound: socket.socket,
    begin: Callable[[Callable[[], None]], None],
    grace: float,
) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what is running.

    Args:
        app: aiohttp's application.
        bound: socket from `bound_socket`.
        begin: called once requests are accepted, with a function that ends
            the server from any thread.
        grace: seconds that running requests get to finish.

    Raises:
        UserError: another process was quicker to listen on the address.
    """
    asyncio.run(_serve(app, bound, begin, grace))


class Running:
    """A server that accepts requests, once it is started.

    Args:
        app, bound, grace: as for `run_until_signal`.
    """

    def __init__(
        self, app: web.Application, bound: socket.socket, grace: float
    ) -> None:
        logger = logging.getLogger(__name__)
        logger.addFilter(_is_our_fault)
        self._bound = bound
        self._connections = app[CONNECTIONS]
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=logger,
            auto_decompress=False,
            handler_cancellation=True,
            lingering_time=LINGERING_SECONDS,
            # aiohttp waits so long twice before it cancels what runs.
            shutdown_timeout=grace / 2,
        )

    async def start(self) -> None:
        """Begins to accept requests.

        Raises:
            OSError: another process was quicker to listen on the address.
        """
        await self._runner.setup()
        assert self._runner.server is not None  # `setup` made it
        self._connections.start(self._runner.server, self._bound)

    async def stop(self) -> None:
        """Accepts no more, drops unfinished bodies, finishes what runs."""
        await self._connections.stop()
        await self._runner.cleanup()


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Whether an error is none of a client that speaks no proper HTTP."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


async def _serve(
    app: web.Application,
    bound: socket.socket,
    begin: Callable[[Callable[[], None]], None],
    grace: float,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = Running(app, bound, grace)
    try:
        await running.start()
    except OSError as error:
        raise UserError(
            f"cannot listen on {url_of(bound)}: {error.strerror}"
        ) from None

    def end() -> None:
        with contextlib.suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(stop.set)

    begin(end)
    await stop.wait()
    await running.stop()
