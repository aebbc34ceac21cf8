"""The bytes of requests, within what all of them may take together."""

import asyncio
import zlib

from aiohttp import StreamReader, web

from export.server.http.limits import Limits
from export.server.json.document import shortened
from export.server.serving_error import ServingError, TooLargeError


class FullError(Exception):
    """As many requests, or as many bytes of them, are held as may."""


class SlowBodyError(Exception):
    """The body of a request comes more slowly than it has to."""


class Body:
    """What has come of the body of a request.

    Whoever has it closes it: its bytes then are free, whatever still refers
    to it, such as the traceback of an exception.

    Attributes:
        content: as it was sent.

    Args:
        bodies: those it is counted among.
    """

    def __init__(self, bodies: "Bodies") -> None:
        self._bodies = bodies
        self.content = bytearray()

    def close(self) -> None:
        """Frees the bytes."""
        self._bodies.held -= len(self.content)
        self.content = bytearray()  # a thread may still be reading the old one


class Bodies:
    """The bodies that a server holds.

    What counts is what has come, not what was announced. Where that is more
    than there may be, the largest of the bodies that are still coming is
    dropped: the many small ones go on.

    Attributes:
        held: bytes of all of them.

    Args:
        limits: how much, and how fast.
    """

    def __init__(self, limits: Limits) -> None:
        self.held = 0
        self._limits = limits
        self._coming: dict[Body, web.BaseRequest] = {}

    async def receive(self, request: web.BaseRequest) -> Body:
        """Reads the body of a request as it was sent.

        Args:
            request: of a server that does not unpack.

        Raises:
            TooLargeError: it has more bytes than a body may.
            SlowBodyError: it comes too slowly.
            FullError: there is no room for it.
            ServingError: it is cut off, or in chunks that are none.
        """
        body = Body(self)
        self._coming[body] = request
        try:
            await self._read(body, request.content)
        except BaseException as error:
            body.close()
            if isinstance(error, web.RequestPayloadError | ConnectionError):
                reason = f"The request body is broken: {shortened(str(error))}"
                raise ServingError(reason) from None
            raise
        finally:
            self._coming.pop(body, None)
        return body

    def abandon(self) -> None:
        """Closes the connections over which bodies are still coming."""
        for request in list(self._coming.values()):
            request.protocol.force_close()

    async def _read(self, body: Body, stream: StreamReader) -> None:
        limits = self._limits
        clock = asyncio.get_running_loop().time
        end, came = clock() + limits.body_window, 0
        while True:
            try:
                chunk = await asyncio.wait_for(stream.readany(), end - clock())
            except asyncio.TimeoutError:
                chunk = None
            if body not in self._coming:
                raise FullError
            if chunk == b"":
                return
            if chunk:
                came += len(chunk)
                self._add(body, chunk)
            if clock() >= end:
                if came < limits.body_rate * limits.body_window:
                    raise SlowBodyError
                end, came = clock() + limits.body_window, 0

    def _add(self, body: Body, chunk: bytes) -> None:
        if len(body.content) + len(chunk) > self._limits.body_bytes:
            raise TooLargeError
        body.content += chunk
        self.held += len(chunk)
        while self.held > self._limits.memory_bytes:
            largest = max(self._coming, key=lambda b: len(b.content))
            del self._coming[largest]
            largest.close()
            if largest is body:
                raise FullError


def unpacked(body: bytes | bytearray, limit: int) -> bytes:
    """Undoes gzip.

    Returns:
        The content; nothing if `body` is not gzip or is cut off, as in TF
        Serving.

    Raises:
        TooLargeError: it unpacks to more than `limit` bytes.
    """
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error:
        return b""
    if len(content) > limit:
        raise TooLargeError
    return content if unpacker.eof else b""
