"""Everything the server answers over HTTP."""

import time
from collections.abc import Awaitable, Callable
from typing import TextIO

from aiohttp import web

from alexnet_tf.files.text import printable
from export.server.http.connections import Connections
from export.server.http.limits import Limits
from export.server.http.metrics import Metrics
from export.server.http.origins import Origins
from export.server.http.rest_api import ApiResponse, RestApi
from export.server.http.ui_files import add_ui
from export.server.json.document import shortened
from export.server.models.model_manager import ModelManager

CONNECTIONS = web.AppKey("connections", Connections)
SERVER = "alexnet-dev (not TensorFlow Serving)"
METRICS_PATH = "/monitoring/prometheus/metrics"
# Status in the log of a request without an answer: its client has gone, as
# nginx has it, or the server ended.
_CLIENT_GONE = 499
_CUT_OFF = 503


def make_application(
    manager: ModelManager, limits: Limits, origins: Origins, log: TextIO
) -> web.Application:
    """The aiohttp application that answers for the models of a manager.

    Run it without unpacking of bodies (`auto_decompress=False`): the limit
    holds for what they unpack to. Cancelling handlers whose client has gone
    (`handler_cancellation=True`) frees their places.

    Args:
        manager: has the models, which may still be loading.
        limits: what is taken on at once.
        origins: which pages may ask.
        log: gets a line for each request: time, client, method, path, status,
            duration, and images where a model has run. It is written to in
            the event loop, so it must take a line at once and raise nothing.
    """
    connections = Connections(limits)
    metrics = Metrics()
    unanswered = _CLIENT_GONE

    @web.middleware
    async def guard(
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        begin, status, images = time.monotonic(), 500, None
        try:
            with connections.busy(request.protocol):
                refusal = origins.refusal(request)
                if refusal:
                    answer = {"error": refusal}
                    response = web.json_response(answer, status=403)
                else:
                    response = await handler(request)
            status = response.status
            if isinstance(response, ApiResponse):
                images = response.images
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            if request.transport is None:
                status = unanswered
            metrics.note_response(status)
            seconds = time.monotonic() - begin
            line = _line(request, status, seconds, images)
            print(line, file=log)

    async def note_end(app: web.Application) -> None:
        nonlocal unanswered
        unanswered = _CUT_OFF

    async def add_headers(
        request: web.Request, response: web.StreamResponse
    ) -> None:
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

    async def health(request: web.Request) -> web.Response:
        loading = manager.without_version()
        if loading:
            text = f"no version yet: {', '.join(loading)}\n"
            return web.Response(text=text, status=503)
        return web.Response(text="ok\n")

    async def count(request: web.Request) -> web.Response:
        return web.Response(
            body=metrics.text().encode(),
            headers={"Content-Type": "text/plain; version=0.0.4"},
        )

    app = web.Application(middlewares=[guard])
    app[CONNECTIONS] = connections
    api = RestApi(manager, limits, metrics)
    app.on_startup.append(api.start)
    app.on_shutdown.extend([note_end, api.stop])
    app.on_response_prepare.append(add_headers)
    add_ui(app, manager.names)
    app.router.add_get("/healthz", health)
    app.router.add_get(METRICS_PATH, count)
    app.router.add_route("*", "/{path:.*}", api.handle)
    return app


def _line(
    request: web.Request, status: int, seconds: float, images: int | None
) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    target = printable(shortened(request.raw_path))
    counted = "" if images is None else f" {images} image{'s'[: images != 1]}"
    return (
        f"{moment} {request.remote} {request.method} {target} {status} "
        f"{seconds:.3f} s{counted}"
    )
