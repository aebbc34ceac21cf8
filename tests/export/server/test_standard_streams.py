"""A server whose log nobody reads, or nobody can."""

import fcntl
import os
import re
import time

import pytest

from tests.export.server.stand_in import StandIn

PIPE_BYTES = 4096
# Twice as many as the pipe and the server hold together.
REQUESTS = 2200


@pytest.fixture
def pipe():
    """(end to read, end to write) of a small pipe; either may be closed."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    ends = os.fdopen(read, "rb"), os.fdopen(write, "wb")
    yield ends
    for end in ends:
        end.close()


def ask_often(connect, url):
    client = connect(url)
    client.connection.timeout = 10
    for _ in range(REQUESTS):
        assert client.ask("GET", "/v1/models/m")[0] == 200


def assert_ends_soon(process):
    begin = time.monotonic()
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - begin < 6


def test_a_log_that_nobody_reads(pipe, connect):
    with StandIn(log=pipe[1]) as server:
        ask_often(connect, server.url)
        assert_ends_soon(server.process)


def test_a_log_that_is_read_late_tells_what_is_missing(pipe, connect):
    read, write = pipe
    with StandIn(log=write) as server:
        write.close()
        ask_often(connect, server.url)
        server.process.terminate()
        lines = read.read().decode().splitlines()
        assert server.process.wait(timeout=20) == 0
    told = [re.fullmatch(r"(\d+) log lines were dropped", x) for x in lines]
    dropped = sum(int(found[1]) for found in told if found)
    assert dropped > 1000
    requests = [x for x in lines if re.search(r"GET /v1/models/m 200 ", x)]
    assert len(requests) + dropped == REQUESTS


def test_a_log_whose_reader_has_gone(pipe, connect):
    read, write = pipe
    with StandIn(log=write) as server:
        write.close()
        client = connect(server.url)
        assert client.ask("GET", "/v1/models/m")[0] == 200
        read.close()
        assert client.ask("GET", "/v1/models/m")[0] == 200
        assert_ends_soon(server.process)
