"""Models and servers for the tests of the local server."""

import asyncio
import contextlib
import http.client
import io
import json
import shutil
import threading
import urllib.parse

import pytest

from export.server.http.application import make_application
from export.server.http.life_cycle import Running, bound_socket, url_of
from export.server.http.origins import Origins
from tests.browser import (
    DESKTOP,
    prefer,
    resize,
)
from tests.contract import toy_models
from tests.contract.local_server import LocalServer
from tests.export.server.ui_page import Page


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """Base folder of the toy models, versions 1 and 2. Read only."""
    return toy_models.build(tmp_path_factory.mktemp("toys")).parent / "toy"


@pytest.fixture
def toy(toys, tmp_path):
    """A copy of version 1 of the toy models that a test may change."""
    return shutil.copytree(toys / "1", tmp_path / "toy" / "1")


@pytest.fixture
def serving():
    """Function of (manager, limits): context manager with the server's URL.

    `origins` and `log` are as for `make_application`.

    The server runs in a thread of this process.
    """

    @contextlib.contextmanager
    def run(manager, limits, origins=None, log=None):
        origins = origins or Origins("127.0.0.1")
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()

        def wait_for(coroutine):
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

        try:
            bound = bound_socket("127.0.0.1", 0)
            app = make_application(
                manager, limits, origins, log or io.StringIO()
            )
            url = url_of(bound)
            running = Running(app, bound, grace=10)
            wait_for(running.start())
            yield url
            wait_for(running.stop())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    return run


class Client:
    """One connection to a server; its answers are JSON."""

    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(
            address.hostname, address.port, timeout=60
        )
        self.headers = None

    def ask(self, method, path, body=None, headers=None):
        """(status, JSON value) of the answer; its headers are kept."""
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        self.headers = response.headers
        return response.status, json.loads(response.read())


@pytest.fixture
def connect():
    """Function of a URL: `Client` on a connection of its own."""
    with contextlib.ExitStack() as connections:

        def make(url):
            client = Client(url)
            connections.callback(client.connection.close)
            return client

        yield make


@pytest.fixture(scope="session")
def server(exported, tmp_path_factory):
    """URL of a development server with the model `alexnet`, twice.

    Version 2 is version 1 once more, so that the numbers of both are known.
    """
    folder = tmp_path_factory.mktemp("served")
    for version in ("1", "2"):
        shutil.copytree(
            exported / "1",
            folder / "alexnet" / version,
            # Each request of the warm-up would be run for both.
            ignore=shutil.ignore_patterns("assets.extra"),
        )
    config = folder / "models.config"
    config.write_text(
        'model_config_list { config { name: "alexnet" base_path: '
        f'"{folder}/alexnet" model_platform: "tensorflow" '
        "model_version_policy { all {} } } }"
    )
    with LocalServer(f"--models_config={config}") as running:
        yield running.url


@pytest.fixture
def open_page(browser):
    """Function of a URL: the `Page` there, as after a fresh start."""
    resize(browser, *DESKTOP)
    prefer(browser)
    browser.get_log("browser")
    yield lambda url: Page(browser, url)
    assert browser.get_log("browser") == []


@pytest.fixture
def page(open_page, server):
    """The page at the development server."""
    return open_page(server)


@pytest.fixture
def photograph(image_folder):
    """A photograph that the model knows."""
    return image_folder / "val" / "red" / "00.png"
