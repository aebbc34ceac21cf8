"""What can go wrong between a client and a server."""

import re
from collections.abc import Sequence

from alexnet_tf.errors import UserError, one_line

LONGEST_MESSAGE = 300


class ServerError(UserError):
    """A server that is not there, refuses, or is no TensorFlow Serving."""


class Refused(ServerError):
    """The server understood a request and says what is wrong with it."""


class TryAgain(Exception):
    """The same request may succeed later.

    Attributes:
        wait: seconds that the server asks to wait, or None.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def unreachable(url: str, reason: object) -> str:
    """Text for a server that cannot be connected to."""
    start = "`python main.py --mode=serve` or `make serve`"
    if url.startswith("grpc://"):
        start = "`make serve`"  # the other one has no gRPC
    return (
        f"no server answers at {url} ({brief(reason)}): start one with "
        f"{start}, or correct the address"
    )


def unanswered(url: str) -> str:
    """Text for a server that took too long."""
    return f"{url} gave no answer in time: it is busy or the timeout too short"


def too_large(url: str, images: Sequence[bytes]) -> str:
    """Text for a request with more bytes than the server takes."""
    size = f"{sum(map(len, images)) / 1e6:.1f} MB"
    if len(images) == 1:
        return f"{url} takes no image as large as {size}"
    return (
        f"{url} takes no {len(images)} images as large as {size} together: "
        "lower the batch size"
    )


def foreign(url: str, reason: object) -> str:
    """Text for what does not speak as TensorFlow Serving does."""
    return (
        f"{url} does not answer as TensorFlow Serving does "
        f"({brief(reason)}): is it the right address?"
    )


def brief(message: object) -> str:
    """A message of a server or library, short enough to be printed."""
    # Faults of a graph end with the node they came from, and those of JSON
    # may repeat a whole image.
    message = re.sub(r"\s*\[\[.*", "", str(message), flags=re.DOTALL)
    message = re.sub(r"assertion failed: \[([^\[\]]+)\]$", r"\1", message)
    return one_line(message, LONGEST_MESSAGE)
