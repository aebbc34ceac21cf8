"""The bytes of a request."""

import zlib

from aiohttp import web

from export.server.serving_error import ServingError, TooLargeError


async def read_body(request, limit):
    """Reads the body as it was sent.

    Args:
        request: aiohttp's request, of a server that does not unpack.
        limit: bytes it may have.

    Returns:
        bytearray.

    Raises:
        TooLargeError: it has more.
        ServingError: it is cut off, or in chunks that are none.
    """
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise TooLargeError
    except (web.RequestPayloadError, ConnectionError) as error:
        raise ServingError(f"The request body is broken: {error}") from None
    return body


def unpacked(body, limit):
    """Undoes gzip.

    Returns:
        bytes; none of them if `body` is not gzip or is cut off, as in TF
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
