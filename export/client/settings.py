"""What to ask, and how patiently."""

import dataclasses
import math
import urllib.parse

from alexnet_tf.errors import UserError
from alexnet_tf.files.versions import INT64_MAX

DEFAULT_URL = "http://localhost:8501"
LONGEST_TIMEOUT = 86_400


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the model is and how to ask it.

    Attributes:
        url: http://HOST:PORT or https://HOST:PORT, a path before /v1/
            allowed, for REST; grpc://HOST:PORT for gRPC, unencrypted.
        model: name of the model on the server.
        version: its version; None is what the server takes, the newest.
        label: its label, such as "stable", in place of the version.
        signature: takes `image_bytes`, answers `classes`, `scores`, `valid`.
        batch_size: most images of a request.
        timeout: seconds that a request may take, repeats and waits included.
        retries: most repeats of a request that failed for the moment.
        first_wait: seconds before the first repeat; twice as long before
            each further one, less up to half by chance.

    Raises:
        UserError: a value is out of range.
    """

    url: str = DEFAULT_URL
    model: str = "alexnet"
    version: int | None = None
    label: str | None = None
    signature: str = "serving_default"
    batch_size: int = 8
    timeout: float = 60.0
    retries: int = 3
    first_wait: float = 0.5

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not self.model:
            raise UserError("the model has no name")
        if self.version is not None and self.label is not None:
            raise UserError("give a version or a label, not both")
        if self.label == "":
            raise UserError("the label is empty")
        if not 0 <= (self.version or 0) <= INT64_MAX:
            raise UserError(f"version {self.version} is outside 0..{INT64_MAX}")
        if self.batch_size < 1:
            raise UserError(f"batch size {self.batch_size} is below 1")
        if not 0 < self.timeout <= LONGEST_TIMEOUT:
            raise UserError(
                f"timeout {self.timeout:g} is not above 0 and at most "
                f"{LONGEST_TIMEOUT} seconds"
            )
        if self.retries < 0:
            raise UserError(f"retries {self.retries} is below 0")
        if not (self.first_wait >= 0 and math.isfinite(self.first_wait)):
            raise UserError(f"first wait {self.first_wait:g} is below 0")

    @property
    def grpc(self) -> bool:
        """Whether the address asks for gRPC."""
        return urllib.parse.urlsplit(self.url).scheme == "grpc"


def _check_url(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UserError(f"url {url}: {error}") from None
    if parts.scheme not in ("http", "https", "grpc"):
        raise UserError(
            f"url {url} must begin with http://, https:// or grpc://"
        )
    if not parts.hostname:
        raise UserError(f"url {url} names no host")
    if parts.query or parts.fragment:
        raise UserError(f"url {url} goes on after the path: leave out ? and #")
    if parts.scheme == "grpc" and (port is None or parts.path.strip("/")):
        raise UserError(f"url {url} must be grpc://HOST:PORT")
