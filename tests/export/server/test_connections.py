"""Connections over which nothing comes, and more of them than there may be."""

import contextlib
import http.client
import signal
import socket
import time
import urllib.parse

import pytest

from tests.export.server.stand_in import UNTIL_TOLD, StandIn

PREDICT = "/v1/models/m:predict"
HEAD = b"GET /v1/models/m HTTP/1.1\r\nHost: localhost\r\n"


def connected(server):
    address = urllib.parse.urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port))
    connection.settimeout(10)
    return connection


def seconds_until_closed(connection, dribble=b""):
    """While a byte is sent every 50 ms."""
    begin = time.monotonic()
    connection.settimeout(0.05)
    for byte in [*dribble, *[None] * 200]:
        with contextlib.suppress(TimeoutError):
            try:
                if byte is not None:
                    connection.send(bytes([byte]))
                if not connection.recv(4096):
                    break
            except ConnectionError:
                break
    connection.close()
    return time.monotonic() - begin


@pytest.fixture(scope="module")
def server():
    with StandIn(header_seconds=0.5, idle_seconds=1) as running:
        yield running


@pytest.mark.parametrize("dribble", [b"", HEAD])
def test_headers_have_a_deadline(server, dribble):
    seconds = seconds_until_closed(connected(server), dribble)
    assert 0.4 < seconds < 5  # by default 10


@pytest.mark.parametrize("dribble", [b"", HEAD])
def test_idle_connections_end(server, dribble):
    connection = connected(server)
    connection.sendall(HEAD + b"\r\n")
    assert connection.recv(4096)
    assert 0.9 < seconds_until_closed(connection, dribble) < 5


def test_a_request_at_work_is_not_idle(server, connect):
    answer = connect(server.url).ask("POST", PREDICT, b'{"inputs": [1.3]}')
    assert answer == (200, {"outputs": [0.0]})


# In the second case the descriptors end before the connections do.
@pytest.mark.parametrize("descriptors", [64, 18])
def test_the_oldest_idle_connections_give_way(connect, descriptors):
    with StandIn(descriptors=descriptors) as server:
        begin = time.monotonic()
        at_work = connect(server.url)
        at_work.ask("GET", "/v1/models/m")
        body = b'{"inputs": [%d]}' % UNTIL_TOLD
        at_work.connection.request("POST", PREDICT, body)
        assert server.process.stdout.readline() == "begun\n"
        with contextlib.ExitStack() as opened:
            for _ in range(2):
                for _ in range(60):
                    opened.enter_context(connected(server))
                asked = time.monotonic()
                client = connect(server.url)
                assert client.ask("GET", "/v1/models/m")[0] == 200
                assert time.monotonic() - asked < 20  # idle ones have 60
                client.connection.close()
            server.process.send_signal(signal.SIGUSR1)
            assert at_work.connection.getresponse().status == 200
        lines = server.stderr().splitlines()
        assert lines
        assert all("no room for more connections" in line for line in lines)
        assert len(lines) <= 1 + time.monotonic() - begin


def test_the_end_does_not_wait_for_unfinished_bodies(connect):
    with StandIn() as server:
        unfinished = [connected(server) for _ in range(3)]
        for connection in unfinished:
            connection.sendall(
                f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\n"
                "Content-Length: 99\r\n\r\n{".encode()
            )
        begun = connected(server)
        begun.sendall(HEAD)
        idle = connect(server.url)
        assert idle.ask("GET", "/v1/models/m")[0] == 200
        begin = time.monotonic()
        server.process.terminate()
        assert server.process.wait(timeout=20) == 0
        assert time.monotonic() - begin < 5
        for connection in [*unfinished, begun]:
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b""
            connection.close()


@pytest.mark.parametrize(("seconds", "answered"), [(2, True), (60, False)])
def test_the_end_waits_a_few_seconds_for_what_runs(connect, seconds, answered):
    with StandIn() as server:
        client = connect(server.url).connection
        client.request("POST", PREDICT, b'{"inputs": [%g]}' % seconds)
        time.sleep(0.5)
        begin = time.monotonic()
        server.process.terminate()
        if answered:
            assert client.getresponse().status == 200
            assert server.process.wait(timeout=20) == 0
            assert time.monotonic() - begin < seconds + 3
        else:
            with pytest.raises((http.client.HTTPException, ConnectionError)):
                client.getresponse()
            assert time.monotonic() - begin < 15


def test_what_the_end_cuts_off_has_status_503(connect, tmp_path):
    path = tmp_path / "log"
    with path.open("w") as log, StandIn(log=log) as server:
        running, gone, coming = (
            connect(server.url).connection for _ in range(3)
        )
        gone.request("POST", PREDICT, b'{"inputs": [0.5]}')
        time.sleep(0.2)
        gone.close()
        time.sleep(0.2)
        running.request("POST", PREDICT, b'{"inputs": [30]}')
        coming.request("POST", PREDICT, b"{", {"Content-Length": "99"})
        time.sleep(0.2)
        server.process.terminate()
        end = time.monotonic() + 10
        while len(lines := path.read_text().splitlines()) < 3:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert [line.split()[4] for line in lines] == ["499", "503", "503"]
