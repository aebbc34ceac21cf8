"""What a request took is free once it is answered.

The collector of the server is off, so that nothing but the last reference
frees memory, and each request takes far more than the tests let remain.
"""

import gzip
import socket
import time
import urllib.parse

import pytest

from tests.export.server.stand_in import MIB, StandIn

PREDICT = "/v1/models/m:predict"
# MiB that two more requests may add: each takes 16 to 30.
REMAINS = 14

LIMIT = 32 * MIB
OBJECTS = b'{"instances": [%b]}' % b",".join([b'{"b64": ""}'] * 100_000)
NUMBERS = b",".join([b"1.5"] * 500_000)
LETTERS = b"a" * (16 * MIB)

REFUSED = {
    "objects for numbers": (OBJECTS, 400),
    "cut off": (OBJECTS[:-2], 400),
    "no UTF-8": (b'{"instances": ["%b\xff"]}' % LETTERS, 400),
    "a fault inside": (b'{"inputs": [-1, %b]}' % NUMBERS, 500),
    "a bug": (b'{"inputs": [NaN, %b]}' % NUMBERS, 500),
    "too deep": (b"[" * len(LETTERS), 400),
    "too many": (b'{"inputs": [%b0]}' % (b"0,   " * 2**22), 400),
    "a long string": (b'{"inputs": "%b"}' % LETTERS, 400),
    "over the limit": (b" " * (LIMIT + 1), 413),
}
ALSO_PACKED = ("objects for numbers", "over the limit")


@pytest.fixture(scope="module")
def server():
    """A server whose requests have a second."""
    with StandIn(seconds=1, body_bytes=LIMIT) as running:
        yield running


@pytest.mark.parametrize(
    ("case", "packed"),
    [(case, False) for case in REFUSED] + [(c, True) for c in ALSO_PACKED],
)
def test_a_refused_request_keeps_nothing(server, connect, case, packed):
    body, expected = REFUSED[case]
    headers = {"Content-Encoding": "gzip"} if packed else {}
    body = gzip.compress(body, 1) if packed else body
    used = []
    for _ in range(3):
        # In chunks, so that no announced length is refused beforehand.
        pieces = (body[i : i + MIB] for i in range(0, len(body), MIB))
        client = connect(server.url)
        status, answer = client.ask("POST", PREDICT, pieces, headers)
        assert status == expected, answer
        assert len(answer["error"]) < 500
        used.append(settled(server))
    assert used[2] - used[0] < REMAINS, used


def settled(server):
    """The server's memory, once it has not sunk for a moment."""
    least, since = server.mebibytes(), time.monotonic()
    while time.monotonic() < since + 0.1:
        now = server.mebibytes()
        if now < least - 1:
            least, since = now, time.monotonic()
        time.sleep(0.01)
    return least


def test_a_request_beyond_its_time_keeps_nothing(server, connect):
    used = []
    body = b'{"inputs": [1.1, %b]}' % NUMBERS
    for _ in range(3):
        assert connect(server.url).ask("POST", PREDICT, body)[0] == 504
        time.sleep(0.4)  # until it is done
        used.append(settled(server))
    assert used[2] - used[0] < REMAINS, used


def test_a_client_that_goes_away_leaves_nothing(server):
    address = urllib.parse.urlsplit(server.url)
    used = []
    for _ in range(3):
        with socket.create_connection(
            (address.hostname, address.port)
        ) as connection:
            connection.sendall(
                f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {LIMIT}\r\n\r\n".encode()
                + LETTERS
            )
        time.sleep(0.1)
        used.append(settled(server))
    assert used[2] - used[0] < REMAINS, used
