"""Waiting for a model, at a server that plays a script."""

import http.server
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest

from alexnet_tf.errors import UserError
from export import wait_until_available as waiting
from export.wait_until_available import main, wait_until_available

ROOT = pathlib.Path(__file__).parents[2]
PATH = "/v1/models/alexnet"


def version(number, state, code="OK", message=""):
    return {
        "version": str(number),
        "state": state,
        "status": {"error_code": code, "error_message": message},
    }


def status(*versions):
    return 200, json.dumps({"model_version_status": versions})


LOADING = status(version(1, "LOADING"))
AVAILABLE = status(version(1, "AVAILABLE"))
BROKEN = version(2, "END", "FAILED_PRECONDITION", "Could not find\nvariable")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(waiting, "SECONDS_BETWEEN_REQUESTS", 0.01)


@pytest.fixture
def play():
    """Function: answers, the last for ever after -> (URL, paths asked).

    Until the port opens, connections are refused.
    """
    servers = []

    def start(*answers, opens_after=0):
        left = list(answers)
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                code, body = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(code)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler, bind_and_activate=False
        )
        server.server_bind()
        if not opens_after:
            server.server_activate()

        def serve():
            if opens_after:
                time.sleep(opens_after)
                server.server_activate()
            server.serve_forever(0.01)

        threading.Thread(target=serve).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nobody():
    """URL where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_waits_through_start_and_loading(play, capsys):
    url, asked = play(
        status(version(1, "START")), LOADING, LOADING, LOADING, AVAILABLE
    )
    assert wait_until_available(url, "alexnet", 20) == 1
    assert asked == [PATH] * 5
    # A line where something changed, not one a request.
    assert capsys.readouterr().err.splitlines() == [
        "waiting for alexnet, 0 s: version 1 is START",
        "waiting for alexnet, 0 s: version 1 is LOADING",
    ]


def test_another_models_server_is_told_of_and_waited_for(play, capsys):
    unknown = 404, '{"error": "Could not find any versions of model alexnet"}'
    url, _ = play(unknown, unknown, unknown, AVAILABLE)
    assert wait_until_available(url, "alexnet", 20) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "a server is running, but has no model of that name" in line


def test_tells_now_and_then_that_it_waits(play, monkeypatch, capsys):
    monkeypatch.setattr(waiting, "SECONDS_BETWEEN_LINES", 0)
    url, _ = play(LOADING, LOADING, LOADING, AVAILABLE)
    wait_until_available(url, "alexnet", 20)
    assert capsys.readouterr().err.count("version 1 is LOADING") == 3


@pytest.mark.parametrize(
    ("versions", "usable"),
    [
        ([version(2, "AVAILABLE"), version(1, "END")], 2),
        # The old version answers while, or although, the new one does not.
        ([version(2, "LOADING"), version(1, "AVAILABLE")], 1),
        ([BROKEN, version(1, "AVAILABLE")], 1),
        # As numbers, not as texts.
        ([version(9, "AVAILABLE"), version(10, "AVAILABLE")], 10),
    ],
)
def test_any_version_that_can_be_used_will_do(play, versions, usable):
    url, _ = play(status(*versions))
    assert wait_until_available(url, "alexnet", 20) == usable


def test_a_real_servers_answer_is_understood(play):
    recorded = json.loads(
        (ROOT / "tests/contract/recorded_answers.json").read_text()
    )
    [answer] = [
        pair["answer"]
        for pair in recorded["pairs"]
        if (pair["method"], pair["path"]) == ("GET", "/v1/models/toy")
    ]
    url, _ = play((200, answer))
    assert wait_until_available(url, "toy", 20) == 2


@pytest.mark.parametrize(
    "before",
    [
        [],
        [LOADING],
        [status(BROKEN, version(1, "START"))],
        [status(BROKEN, version(1, "LOADING"))],
    ],
)
def test_a_failed_load_ends_the_wait_at_once(play, before):
    url, asked = play(*before, status(BROKEN, version(1, "END")))
    begin = time.monotonic()
    with pytest.raises(
        UserError, match=r"version 2 .* FAILED_PRECONDITION: Could not find"
    ):
        wait_until_available(url, "alexnet", 60)
    # Not before: the other version may yet be usable.
    assert len(asked) == len(before) + 1
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (LOADING, "version 1 is LOADING"),
        # Unloaded, not failed: another version may come.
        (status(version(1, "END")), "version 1 is END"),
        (status(), "it has no versions"),
        (
            (404, '{"error": "Could not find any versions of model alexnet"}'),
            "404: Could not find any versions of model alexnet; a server is "
            "running, but has no model of that name",
        ),
        ((404, "<html>"), "404 Not Found; a server is running, but has no "),
        ((500, '["error"]'), "500 Internal Server Error"),
        ((200, "<html>"), "not TensorFlow Serving's"),
        ((200, "[]"), "not TensorFlow Serving's"),
        ((200, '{"model_version_status": [{}]}'), "not TensorFlow Serving's"),
        ((200, '{"model_version_status": ["1"]}'), "not TensorFlow Serving's"),
    ],
)
def test_the_end_of_the_time_tells_the_last_answer(play, answer, reason):
    url, asked = play(answer)
    with pytest.raises(
        UserError, match=r"not available within 0\.2 s: "
    ) as end:
        wait_until_available(url, "alexnet", 0.2)
    assert reason in str(end.value)
    assert len(asked) > 1


def test_a_silent_server_does_not_hold_it_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        begin = time.monotonic()
        with pytest.raises(UserError, match=r"no answer \(timed out\)"):
            wait_until_available(f"http://127.0.0.1:{port}", "alexnet", 0.3)
    assert time.monotonic() - begin < 5


def test_a_server_that_starts_late_is_found(play, capsys):
    # The port of TensorFlow Serving opens only after the first load.
    url, asked = play(AVAILABLE, opens_after=0.3)
    assert wait_until_available(url, "alexnet", 20) == 1
    assert len(asked) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all("no answer" in line for line in lines), lines


def test_names_are_quoted_and_a_slash_may_end_the_url(play):
    url, asked = play(AVAILABLE)
    wait_until_available(f"{url}/", "an/other model", 20)
    assert asked == ["/v1/models/an%2Fother%20model"]


@pytest.mark.parametrize(
    "url",
    ["localhost:8501", "grpc://a:1", "http://", "http://a:b", "http://a b"],
)
def test_what_is_no_url_is_refused(url):
    with pytest.raises(UserError, match=r"give it as http://HOST:PORT"):
        wait_until_available(url, "alexnet", 20)


def test_exit_codes(play, capsys):
    url, _ = play(AVAILABLE)
    assert main([url, "alexnet"]) == 0
    assert (
        capsys.readouterr().out == f"alexnet: version 1 at {url} can be used\n"
    )

    url, _ = play(status(BROKEN))
    assert main([url, "alexnet"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("FAILED_PRECONDITION: Could not find variable")


def test_nobody_there_from_the_shell(nobody):
    process = subprocess.run(
        [
            sys.executable,
            *("-m", "export.wait_until_available", nobody, "alexnet"),
            "--timeout=0.2",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 2
    assert process.stdout == ""
    line = process.stderr.splitlines()[-1]
    assert line.startswith(f"{nobody}{PATH}: not available within 0.2 s: ")
    assert "refused" in line
    assert "Traceback" not in process.stderr
