"""TensorFlow Serving's REST API over HTTP."""

import asyncio
import dataclasses
import re
import sys
import time
import traceback

from aiohttp import web

from export.server.deadline import Deadline
from export.server.http.admission import Admission
from export.server.http.bodies import (
    Bodies,
    Body,
    FullError,
    SlowBodyError,
    unpacked,
)
from export.server.http.limits import Limits
from export.server.http.metrics import Metrics
from export.server.http.routes import BadVersionError, Route, parse_route
from export.server.json.document import shortened, written
from export.server.methods.dispatch import answer
from export.server.models.model_manager import ModelManager
from export.server.serving_error import (
    HTTP_STATUS,
    ServingError,
    TooLargeError,
)

_API = re.compile(r"/v1/.*", re.I | re.S)
_NOT_FOUND = (
    "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n"
    "<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_RETRY_SECONDS = 1
# An error message is cut to this many characters, since it may repeat the
# request.
_MOST = 4096


class ApiResponse(web.Response):
    """A response with what the log tells of it.

    Attributes:
        images: that the request carried, or None if no model has run.
    """

    images: int | None = None


@dataclasses.dataclass(frozen=True)
class _Answer:
    text: str
    status: int = 200
    code: str = "OK"
    images: int | None = None


class RestApi:
    """Answers the requests under /v1/.

    Args:
        manager: has the models.
        limits: what is taken on at once.
        metrics: where requests are counted.
    """

    def __init__(
        self, manager: ModelManager, limits: Limits, metrics: Metrics
    ) -> None:
        self._manager = manager
        self._limits = limits
        self._metrics = metrics

    async def start(self, app: web.Application) -> None:
        """To be called in the event loop that answers."""
        self._admission = Admission(self._limits)
        self._bodies = Bodies(self._limits)

    async def stop(self, app: web.Application) -> None:
        """Drops the requests whose body has not come."""
        self._bodies.abandon()

    async def handle(self, request: web.Request) -> web.Response:
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
        response = ApiResponse(
            # Undecodable bytes of a URL come as lone surrogates.
            body=answer.text.encode("utf-8", "replace"),
            status=answer.status,
            content_type="application/json",
        )
        response.images = answer.images
        if answer.status == 503:
            response.headers["Retry-After"] = str(_RETRY_SECONDS)
        if answer.status == 408:
            response.force_close()
        return response

    def _told(self, error: Exception) -> _Answer:
        """The answer to a request that ended in an exception."""
        limits = self._limits
        status = None
        match error:
            case BadVersionError():
                return _Answer("", 400, "INVALID_ARGUMENT")
            case ServingError():
                message, code = error.message, error.code
            case TooLargeError():
                message = f"The request body is over {limits.body_bytes} bytes"
                status, code = 413, "INVALID_ARGUMENT"
            case FullError():
                message, code = "Too many requests are waiting", "UNAVAILABLE"
            case SlowBodyError():
                rate = f"{limits.body_rate:g} bytes/s"
                message = f"The request body came at less than {rate}"
                status, code = 408, "DEADLINE_EXCEEDED"
            case asyncio.TimeoutError():
                message = f"No answer within {limits.seconds} s"
                code = "DEADLINE_EXCEEDED"
            case _:
                message = f"{type(error).__name__}, see the server's log"
                code = "INTERNAL"
        status = status or HTTP_STATUS[code]
        if status == 500:
            traceback.print_exception(error, file=sys.stderr)
        text = written({"error": shortened(message, _MOST)})
        return _Answer(text, status, code)

    async def _answer(self, request: web.Request, target: str) -> _Answer:
        route = parse_route(request.method, target)
        if route.action == "status":
            return _Answer(_status_json(self._manager.status(route)))
        if route.action == "metadata":
            with self._manager.use(route) as model:
                return _Answer(model.metadata)
        begin = time.monotonic()
        try:
            answer = await self._run(request, route)
        except Exception as error:
            answer = self._told(error)
        known = route.model in self._manager.names
        self._metrics.note_request(
            route.model if known else "",
            route.action,
            answer.code,
            time.monotonic() - begin,
            answer.images or 0,
        )
        return answer

    async def _run(self, request: web.Request, route: Route) -> _Answer:
        limit = self._limits.body_bytes
        size = request.content_length
        if size is not None and size > limit:
            raise TooLargeError
        encoding = request.headers.get("Content-Encoding", "")
        packed = "gzip" in encoding.lower()
        body = await self._bodies.receive(request)
        deadline = Deadline(self._limits.seconds)

        def job(body: Body) -> _Answer:
            content = body.content
            try:
                content = unpacked(content, limit) if packed else content
                text, images = answer(self._manager, route, content, deadline)
                return _Answer(text, images=images)
            except Exception as error:
                return self._told(error)

        return await self._admission.run(body, job)


def _status_json(versions: list[tuple[int, str, ServingError | None]]) -> str:
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
