"""Serves the page about a run on this machine alone."""

import asyncio
import contextlib
import os
import pathlib
import signal
import socket
from collections.abc import Callable
from typing import Any

from aiohttp import web

from alexnet_tf.errors import UserError
from alexnet_tf.report.live.facts import run_facts
from alexnet_tf.run.folder import Run

HOST = "127.0.0.1"
SECONDS = 1  # from one look whether the parent is there to the next
FOLDER = pathlib.Path(__file__).parent
_FILES = {
    "": (FOLDER / "index.html", "text/html"),
    "base.css": (FOLDER.parent / "base.css", "text/css"),
    "live.css": (FOLDER / "live.css", "text/css"),
    "live.js": (FOLDER / "live.js", "text/javascript"),
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def watch_application(run: Run) -> web.Application:
    """The page, /run.json (see `run_facts`) and the pictures of the epochs."""

    @web.middleware
    async def own_machine(
        request: web.Request, handler: Callable
    ) -> web.StreamResponse:
        # A page elsewhere may have a name of its own lead to this machine.
        # A browser leaves out port 80.
        host, _, _ = request.headers.get("Host", "").partition(":")
        if host.lower().removesuffix(".") not in (HOST, "localhost"):
            raise web.HTTPForbidden
        return await handler(request)

    async def page(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound
        path, kind = _FILES[name]
        return web.Response(
            body=path.read_bytes(),
            content_type=kind,
            charset="utf-8",
            headers=_HEADERS,
        )

    async def facts(request: web.Request) -> web.Response:
        values = await asyncio.to_thread(run_facts, run)
        return web.json_response(values, headers=_HEADERS)

    async def picture(request: web.Request) -> web.Response:
        path = run.watch_folder / f"{request.match_info['name']}.png"
        if not path.is_file():
            raise web.HTTPNotFound
        return web.Response(
            body=path.read_bytes(), content_type="image/png", headers=_HEADERS
        )

    app = web.Application(middlewares=[own_machine])
    app.router.add_get("/run.json", facts)
    app.router.add_get(r"/epochs/{name:\d+-\d+}.png", picture)
    app.router.add_get("/{name:[^/]*}", page)
    return app


def serve_run(
    run: Run,
    port: int,
    report: Callable[[str], Any],
    parent: int | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        run: a `Run`, which may not have begun.
        port: number; 0 takes a free one.
        report: called with the URL once it answers.
        parent: number of the process with which it ends, however that does.

    Raises:
        UserError: the port is taken.
    """
    try:
        bound = socket.create_server((HOST, port))
    except OSError as error:
        raise UserError(
            f"port {port} cannot be used: {error.strerror}; name another one, "
            "or 0 for a free one"
        ) from None
    with bound, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(run, bound, report, parent))


async def _serve(
    run: Run,
    bound: socket.socket,
    report: Callable[[str], Any],
    parent: int | None,
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    runner = web.AppRunner(watch_application(run), access_log=None)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    report(f"http://{HOST}:{bound.getsockname()[1]}/")
    while not ended.is_set() and parent in (None, os.getppid()):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ended.wait(), SECONDS)
    await runner.cleanup()
