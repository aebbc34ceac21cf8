"""The page under /ui/."""

import pathlib
from typing import NoReturn

from aiohttp import web

from alexnet_tf import report

FOLDER = pathlib.Path(__file__).parent / "ui"
BASE_STYLE = pathlib.Path(report.__file__).with_name("base.css")
_FILES = {
    "": ("index.html", "text/html"),
    "base.css": ("base.css", "text/css"),
    "ui.css": ("ui.css", "text/css"),
    "ui.js": ("ui.js", "text/javascript"),
}
_HEADERS = {
    # Nothing comes from elsewhere; images may also come from memory, for
    # previews.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def add_ui(app: web.Application, models: list[str]) -> None:
    """Adds the routes of the page's files and of what the page asks first.

    Args:
        app: aiohttp's application.
        models: names of the models, as /ui/models.json tells them.
    """

    async def redirect(request: web.Request) -> NoReturn:
        raise web.HTTPPermanentRedirect("/ui/")

    async def page(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound
        file, content_type = _FILES[name]
        path = BASE_STYLE if name == BASE_STYLE.name else FOLDER / file
        if not path.is_file():
            raise web.HTTPNotFound
        return web.Response(
            body=path.read_bytes(),
            content_type=content_type,
            charset="utf-8",
            headers=_HEADERS,
        )

    async def offered(request: web.Request) -> web.Response:
        return web.json_response({"models": models}, headers=_HEADERS)

    app.router.add_get("/", redirect)
    app.router.add_get("/ui", redirect)
    app.router.add_get("/ui/models.json", offered)
    app.router.add_get("/ui/{name:[^/]*}", page)
