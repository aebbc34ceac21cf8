"""Which request a method and a path stand for."""

import dataclasses
import re
import urllib.parse

from alexnet_tf.files.versions import INT64_MAX
from export.server.json.document import shortened
from export.server.serving_error import ServingError

_NAME = r"([^/:]+)"
_CHOICE = r"(?:/versions/([0-9]+)|/labels/([^/:]+))?"
_PREDICTION = re.compile(
    rf"/v1/models/{_NAME}{_CHOICE}:(classify|regress|predict)", re.ASCII | re.I
)
_STATUS = re.compile(
    rf"/v1/models(?:/{_NAME})?{_CHOICE}(?:/(metadata))?", re.ASCII | re.I
)


class BadVersionError(Exception):
    """A version number that no 64 bits hold: TF Serving answers no body."""


@dataclasses.dataclass(frozen=True)
class Route:
    """What a request asks for.

    Attributes:
        action: "classify", "regress", "predict", "metadata" or "status".
        model: its name.
        version: number, or None.
        label: name of a version, or None.
    """

    action: str
    model: str
    version: int | None = None
    label: str | None = None


def parse_route(method: str, target: str) -> Route:
    """Reads a request line.

    Args:
        method: "GET", "POST", ...
        target: path and, if there is one, query, as they were sent.

    Raises:
        ServingError: there is no such request.
        BadVersionError: the version is too big.
    """
    patterns = {"POST": _PREDICTION, "GET": _STATUS, "HEAD": _STATUS}
    pattern = patterns.get(method)
    found = pattern.fullmatch(target) if pattern else None
    if not found:
        raise _malformed(method, target)
    model, version, label, action = found.groups()
    if version and int(version) > INT64_MAX:
        raise BadVersionError
    if pattern is _STATUS:
        if model is None:
            raise ServingError("Missing model name in request.")
        action = "metadata" if action == "metadata" else "status"
    elif action != action.lower():
        raise _malformed(method, target)
    return Route(
        action=action,
        model=_decoded(model),
        version=int(version) if version else None,
        label=_decoded(label) if label else None,
    )


def _malformed(method: str, target: str) -> ServingError:
    words = f"{shortened(method)} {shortened(target)}"
    return ServingError(f"Malformed request: {words}")


def _decoded(name: str) -> str:
    return urllib.parse.unquote(name, errors="surrogateescape")
