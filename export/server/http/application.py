"""The REST API over HTTP."""

import asyncio
import dataclasses
import re
import sys
import traceback

from aiohttp import web

from export.server.deadline import Deadline
from export.server.http.admission import Admission
from export.server.http.bodies import (
    Bodies,
    FullError,
    SlowBodyError,
    unpacked,
)
from export.server.http.connections import Connections
from export.server.http.routes import BadVersionError, parse_route
from export.server.http.ui_files import add_ui
from export.server.json.document import shortened, written
from export.server.methods.dispatch import answer
from export.server.serving_error import ServingError, TooLargeError

CONNECTIONS = web.AppKey("connections", Connections)
SERVER = "alexnet-dev (not TensorFlow Serving)"
_API = re.compile(r"/v1/.*", re.I | re.S)
_NOT_FOUND = (
    "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n"
    "<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_RETRY_SECONDS = 1
# Of an error message, in characters: a message may repeat the request.
_MOST = 4096


def make_application(manager, limits, origins):
    """The aiohttp application that answers for the models of a manager.

    Run it without unpacking of bodies (`auto_decompress=False`): the limit
    holds for what they unpack to. Cancelling handlers whose client has gone
    (`handler_cancellation=True`) frees their places.

    Args:
        manager: `ModelManager`, loaded.
        limits: `Limits`.
        origins: `Origins`.
    """
    connections = Connections(limits)

    @web.middleware
    async def guard(request, handler):
        with connections.busy(request.protocol):
            refusal = origins.refusal(request)
            if refusal:
                return web.json_response({"error": refusal}, status=403)
            return await handler(request)

    async def add_headers(request, response):
        response.headers["Server"] = SERVER
        origin = request.headers.get("Origin", "")
        if origins.is_allowed(origin):
            response.headers.update(
                {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": "GET, HEAD, POST",
                    "Access-Control-Allow-Headers": "Content-Type, "
                    "Content-Encoding",
                    "Vary": "Origin",
                }
            )

    app = web.Application(middlewares=[guard])
    app[CONNECTIONS] = connections
    front_end = _FrontEnd(manager, limits)
    app.on_startup.append(front_end.start)
    app.on_shutdown.append(front_end.stop)
    app.on_response_prepare.append(add_headers)
    add_ui(app, manager.names)
    app.router.add_route("*", "/{path:.*}", front_end.handle)
    return app


@dataclasses.dataclass(frozen=True)
class _Answer:
    text: str
    status: int = 200


class _FrontEnd:
    def __init__(self, manager, limits):
        self._manager = manager
        self._limits = limits

    async def start(self, app):
        self._admission = Admission(self._limits)
        self._bodies = Bodies(self._limits)

    async def stop(self, app):
        self._bodies.abandon()

    async def handle(self, request):
        """Answers one request, whatever happens."""
        target = request.raw_path
        if not _API.fullmatch(target):
            return web.Response(
                text=_NOT_FOUND, content_type="text/html", status=404
            )
        if request.method == "OPTIONS":
            origin = request.headers.get("Origin", "")
            known = re.search("https?://", origin)
            return web.Response(
                status=200 if known else 400, content_type="text/html"
            )
        try:
            answer = await self._answer(request, target)
        except Exception as error:
            answer = self._told(error)
        response = web.Response(
            # Undecodable bytes of a URL come as lone surrogates.
            body=answer.text.encode("utf-8", "replace"),
            status=answer.status,
            content_type="application/json",
        )
        if answer.status == 503:
            response.headers["Retry-After"] = str(_RETRY_SECONDS)
        if answer.status == 408:
            response.force_close()
        return response

    def _told(self, error):
        """The answer to a request that ended in an exception."""
        limits = self._limits
        match error:
            case BadVersionError():
                return _Answer("", 400)
            case ServingError():
                message, status = error.message, error.http_status
            case TooLargeError():
                message = f"The request body is over {limits.body_bytes} bytes"
                status = 413
            case FullError():
                message, status = "Too many requests are waiting", 503
            case SlowBodyError():
                rate = f"{limits.body_rate:g} bytes/s"
                message = f"The request body came at less than {rate}"
                status = 408
            case asyncio.TimeoutError():
                message, status = f"No answer within {limits.seconds} s", 504
            case _:
                message = f"{type(error).__name__}, see the server's log"
                status = 500
        if status == 500:
            traceback.print_exception(error, file=sys.stderr)
        return _Answer(written({"error": shortened(message, _MOST)}), status)

    async def _answer(self, request, target):
        route = parse_route(request.method, target)
        if route.action == "status":
            return _Answer(_status_json(self._manager.status(route)))
        if route.action == "metadata":
            with self._manager.use(route) as model:
                return _Answer(model.metadata)
        limit = self._limits.body_bytes
        size = request.content_length
        if size is not None and size > limit:
            raise TooLargeError
        encoding = request.headers.get("Content-Encoding", "")
        packed = "gzip" in encoding.lower()

        body = await self._bodies.receive(request)
        deadline = Deadline(self._limits.seconds)

        def job(body):
            content = body.content
            try:
                content = unpacked(content, limit) if packed else content
                return _Answer(answer(self._manager, route, content, deadline))
            except Exception as error:
                return self._told(error)

        return await self._admission.run(body, job)


def _status_json(versions):
    return written(
        {
            "model_version_status": [
                {
                    "version": str(number),
                    "state": state,
                    "status": {
                        "error_code": error.code if error else "OK",
                        "error_message": error.message if error else "",
                    },
                }
                for number, state, error in versions
            ]
        }
    )
