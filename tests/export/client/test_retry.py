"""Waits and their bounds, without a server."""

import time

import pytest

from export.client import Settings
from export.client.retry import repeated
from export.client.server_errors import ServerError, TryAgain


@pytest.fixture
def waits(monkeypatch):
    """What is waited, in order; no time passes but that."""
    waits, now = [], [1000.0]

    def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return waits


def failing(times, wait=None):
    """A function that succeeds after some failures, and what it was given."""
    given = []

    def attempt(seconds):
        given.append(seconds)
        if len(given) <= times:
            raise TryAgain("the server is busy", wait)
        return "answer"

    return attempt, given


def test_waits_double_less_up_to_half(waits):
    attempt, _ = failing(9)
    settings = Settings(retries=9, first_wait=0.5, timeout=1000)
    assert repeated(attempt, settings) == "answer"
    full = [0.5, 1, 2, 4, 8, 16, 32, 32, 32]
    for wait, most in zip(waits, full, strict=True):
        assert most / 2 <= wait <= most


def test_clients_do_not_come_back_together(waits):
    for _ in range(20):
        attempt, _ = failing(1)
        repeated(attempt, Settings())
    assert len(set(waits)) > 1


def test_the_server_says_how_long_to_wait(waits):
    attempt, given = failing(2, wait=7.0)
    repeated(attempt, Settings(timeout=60))
    assert waits == [7.0, 7.0]
    assert given == [60, 53, 46]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_repeats_are_counted(waits, retries):
    attempt, given = failing(100)
    with pytest.raises(ServerError, match="the server is busy"):
        repeated(attempt, Settings(retries=retries))
    assert len(given) == retries + 1


def test_time_is_bounded_whatever_the_repeats(waits):
    attempt, given = failing(10**6)
    with pytest.raises(ServerError, match="tried") as caught:
        repeated(attempt, Settings(retries=10**6, timeout=20))
    assert sum(waits) < 20
    assert f"tried {len(given)} times" in str(caught.value)


def test_no_wait_that_would_outlast_the_timeout(waits):
    attempt, _ = failing(1, wait=120.0)
    with pytest.raises(ServerError, match=r"it asks to wait 120 s\)"):
        repeated(attempt, Settings(timeout=60))
    assert waits == []


def test_other_exceptions_pass():
    def attempt(seconds):
        raise ServerError("no")

    with pytest.raises(ServerError, match=r"^no$"):
        repeated(attempt, Settings())
