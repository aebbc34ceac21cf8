"""The REST API over HTTP."""

import asyncio
import re
import sys
import traceback

from aiohttp import web

from export.server.deadline import Deadline
from export.server.http.admission import Admission, FullError, SlowBodyError
from export.server.http.request_body import read_body, unpacked
from export.server.http.routes import BadVersionError, parse_route
from export.server.http.ui_files import add_ui
from export.server.json.document import shortened, written
from export.server.methods.dispatch import answer
from export.server.serving_error import ServingError, TooLargeError

SERVER = "alexnet-dev (not TensorFlow Serving)"
_API = re.compile(r"/v1/.*", re.I | re.S)
_NOT_FOUND = (
    "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n"
    "<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_RETRY_SECONDS = 1
# Of an error message, in characters: a message may repeat the request.
_MOST = 4096


def make_application(manager, limits):
    """The aiohttp application that answers for the models of a manager.

    Run it without unpacking of bodies (`auto_decompress=False`): the limit
    holds for what they unpack to. Cancelling handlers whose client has gone
    (`handler_cancellation=True`) frees their places.

    Args:
        manager: `ModelManager`, loaded.
        limits: `Limits`.
    """
    app = web.Application()
    front_end = _FrontEnd(manager, limits)
    app.on_startup.append(front_end.start)
    app.on_response_prepare.append(_name_server)
    add_ui(app, manager.names)
    app.router.add_route("*", "/{path:.*}", front_end.handle)
    return app


async def _name_server(request, response):
    response.headers["Server"] = SERVER


class _FrontEnd:
    def __init__(self, manager, limits):
        self._manager = manager
        self._limits = limits

    async def start(self, app):
        self._admission = Admission(self._limits)

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
            return _json(await self._answer(request, target))
        except BadVersionError:
            return _json("", 400)
        except ServingError as error:
            if error.http_status == 500:
                traceback.print_exc(file=sys.stderr)
            return _error(error.message, error.http_status)
        except TooLargeError:
            limit = self._limits.body_bytes
            return _error(f"The request body is over {limit} bytes", 413)
        except FullError:
            response = _error("Too many requests are waiting", 503)
            response.headers["Retry-After"] = str(_RETRY_SECONDS)
            return response
        except SlowBodyError:
            seconds = self._limits.seconds
            response = _error(
                f"The request body did not arrive within {seconds} s", 408
            )
            response.force_close()
            return response
        except asyncio.TimeoutError:
            return _error(f"No answer within {self._limits.seconds} s", 504)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return _error(f"{type(error).__name__}, see the server's log", 500)

    async def _answer(self, request, target):
        route = parse_route(request.method, target)
        if route.action == "status":
            return _status_json(self._manager.status(route))
        if route.action == "metadata":
            with self._manager.use(route) as model:
                return model.metadata
        limit = self._limits.body_bytes
        size = request.content_length
        if size is not None and size > limit:
            raise TooLargeError
        encoding = request.headers.get("Content-Encoding", "")
        packed = "gzip" in encoding.lower()

        deadline = Deadline(self._limits.seconds)

        def job(body):
            content = unpacked(body, limit) if packed else body
            return answer(self._manager, route, content, deadline)

        return await self._admission.run(
            limit if size is None else size,
            lambda: read_body(request, limit),
            job,
        )


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


def _error(message, status):
    return _json(written({"error": shortened(message, _MOST)}), status)


def _json(text, status=200):
    return web.Response(
        # Undecodable bytes of a URL come as lone surrogates.
        body=text.encode("utf-8", "replace"),
        status=status,
        content_type="application/json",
    )
