"""The page under /ui/."""

import pathlib
from typing import NoReturn

from aiohttp import web

from alexnet_tf import report

FOLDER = pathlib.Path(__file__).parent / "ui"
BASE_STYLE = pathlib.Path(report.__file__).with_name("base.css")
SAMPLES = 10  # pictures of Fashion-MNIST, one of each class
FILES = {
    "": ("index.html", "text/html"),
    **{name: (name, "text/css") for name in (BASE_STYLE.name, "ui.css")},
    **{
        f"{name}.js": (f"{name}.js", "text/javascript")
        for name in (
            *("api", "elements", "formulas", "network", "occlusion"),
            *("pictures", "ui"),
        )
    },
    **{
        f"samples/{number}.png": (f"samples/{number}.png", "image/png")
        for number in range(SAMPLES)
    },
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
        if name not in FILES:
            raise web.HTTPNotFound
        file, content_type = FILES[name]
        path = BASE_STYLE if name == BASE_STYLE.name else FOLDER / file
        if not path.is_file():
            raise web.HTTPNotFound
        return web.Response(
            body=path.read_bytes(),
            content_type=content_type,
            charset="utf-8" if content_type.startswith("text/") else None,
            headers=_HEADERS,
        )

    async def offered(request: web.Request) -> web.Response:
        return web.json_response({"models": models}, headers=_HEADERS)

    app.router.add_get("/", redirect)
    app.router.add_get("/ui", redirect)
    app.router.add_get("/ui/models.json", offered)
    app.router.add_get("/ui/{name:.*}", page)
