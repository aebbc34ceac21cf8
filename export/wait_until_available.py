"""Waits until a server can use a model.

    python -m export.wait_until_available http://localhost:8501 alexnet

The status request is answered with 200 as soon as the server knows the model,
loaded or not: what tells is the states of the versions in the answer.
"""

import argparse
import http.client
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence

from alexnet_tf.errors import BAD_INPUT, UserError, one_line

SECONDS_BETWEEN_REQUESTS = 0.5
SECONDS_BETWEEN_LINES = 10
LONGEST_REQUEST = 5  # seconds


def wait_until_available(url: str, model: str, timeout: float) -> int:
    """Asks for the state of a model until a version of it can be used.

    Tells on standard error what is waited for.

    Args:
        url: http://HOST:PORT of TensorFlow Serving's REST API, or https.
        model: name of the model.
        timeout: seconds after which to give up.

    Returns:
        Number of the newest version that can be used.

    Raises:
        UserError: the model failed to load, or the time is over.
    """
    address = _status_address(url, model)
    begin = last_line = time.monotonic()
    told = None
    while True:
        left = begin + timeout - time.monotonic()
        try:
            return _available_version(
                address, max(0.1, min(LONGEST_REQUEST, left))
            )
        except _NotYet as reason:
            now = time.monotonic()
            if now - begin >= timeout:
                raise UserError(
                    f"{address}: not available within {timeout:g} s: {reason}"
                ) from None
            if str(reason) != told or now - last_line >= SECONDS_BETWEEN_LINES:
                told, last_line = str(reason), now
                print(
                    f"waiting for {model}, {now - begin:.0f} s: {reason}",
                    file=sys.stderr,
                    flush=True,
                )
        time.sleep(SECONDS_BETWEEN_REQUESTS)


class _NotYet(Exception):
    """Why the model cannot be used at the moment."""


def _status_address(url: str, model: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname
        good = good and parts.port != 0
    except ValueError:  # a port that is none
        good = False
    if not good or any(c.isspace() for c in url):
        raise UserError(f"{url}: give it as http://HOST:PORT")
    name = urllib.parse.quote(model, safe="")
    return f"{url.rstrip('/')}/v1/models/{name}"


def _available_version(address: str, seconds: float) -> int:
    """See `wait_until_available`; raises `_NotYet` after one request."""
    try:
        with urllib.request.urlopen(address, timeout=seconds) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        reason = f"the answer is {_refusal(error)}"
        if error.code == http.HTTPStatus.NOT_FOUND:
            # A model of that name may be loaded later: the wait goes on.
            reason += (
                "; a server is running, but has no model of that name: is it "
                "the one that the server was started with?"
            )
        raise _NotYet(reason) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _NotYet(
            f"no answer ({reason}): no server is running, or it just starts"
        ) from None
    try:
        versions = {
            int(v["version"]): (v["state"], v.get("status", {}))
            for v in json.loads(body)["model_version_status"]
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _NotYet("the answer is not TensorFlow Serving's") from None
    newest_first = sorted(versions.items(), reverse=True)
    for version, (state, _) in newest_first:
        if state == "AVAILABLE":
            return version
    if not any(s in ("START", "LOADING") for s, _ in versions.values()):
        for version, (_, status) in newest_first:
            if status.get("error_code", "OK") != "OK":
                raise UserError(
                    f"{address}: version {version} failed to load: "
                    f"{status['error_code']}: {status.get('error_message')}"
                )
    states = [f"version {v} is {state}" for v, (state, _) in newest_first]
    raise _NotYet(", ".join(states) or "it has no versions")


def _refusal(error: urllib.error.HTTPError) -> str:
    """The status of an `HTTPError` and, if it is there, the message."""
    with error:
        try:
            return f"{error.code}: {json.loads(error.read())['error']}"
        except (OSError, ValueError, KeyError, TypeError):
            return f"{error.code} {error.reason}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m export.wait_until_available",
        description="Waits until a server can use a model.",
    )
    parser.add_argument("url", help="http://HOST:PORT of the REST API")
    parser.add_argument("model", help="name of the model")
    parser.add_argument(
        "--timeout", type=float, default=120, help="seconds, 120 by default"
    )
    given = parser.parse_args(arguments)
    try:
        version = wait_until_available(given.url, given.model, given.timeout)
    except UserError as error:
        print(one_line(error), file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(f"{given.model}: version {version} at {given.url} can be used")
    return 0


if __name__ == "__main__":
    sys.exit(main())
