"""TensorFlow Serving's REST interface.

Its paths and bodies: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import email.utils
import http.client
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any

import requests

from export.client.server_errors import (
    Refused,
    ServerError,
    TryAgain,
    brief,
    foreign,
    too_large,
    unanswered,
    unreachable,
)
from export.client.settings import Settings

BUSY = (429, 503, 504)
CONNECT_TIMEOUT = 10.0


class RestTransport:
    """Asks over HTTP; its methods take the seconds that a request may last.

    Each raises `Refused` where the server says what is wrong, `TryAgain`
    where it may answer later and `ServerError` for everything else.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = requests.Session()
        name = urllib.parse.quote(settings.model, safe="")
        self._model = f"{settings.url.rstrip('/')}/v1/models/{name}"
        self._servable = self._model
        if settings.version is not None:
            self._servable += f"/versions/{settings.version}"
        elif settings.label is not None:
            label = urllib.parse.quote(settings.label, safe="")
            self._servable += f"/labels/{label}"

    def close(self) -> None:
        self._session.close()

    def predict(self, images: Sequence[bytes], seconds: float) -> Any:
        """The signature's outputs: {name: one value per image}."""
        encoded = [
            {"b64": base64.b64encode(image).decode("ascii")} for image in images
        ]
        body = {
            "signature_name": self._settings.signature,
            "inputs": {"image_bytes": encoded},
        }
        response = self._send(
            "POST", f"{self._servable}:predict", seconds, body
        )
        if response.status_code == 413:
            raise ServerError(too_large(self._settings.url, images))
        return self._value(response, "outputs")

    def signatures(self, seconds: float) -> list[str]:
        """Names of the signatures of the model that was asked for."""
        response = self._send("GET", f"{self._servable}/metadata", seconds)
        signatures = self._value(
            response, "metadata", "signature_def", "signature_def"
        )
        return sorted(name for name in signatures if name[:2] != "__")

    def versions(self, seconds: float) -> list[str]:
        """The model's versions, newest first, with states that matter."""
        return [
            version if state == "AVAILABLE" else f"{version} ({state})"
            for version, state in self._states(self._model, seconds)
        ]

    def available(self, seconds: float) -> list[int]:
        """The versions that may answer what is asked for."""
        try:
            return [
                int(version)
                for version, state in self._states(self._servable, seconds)
                if state == "AVAILABLE"
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ServerError(foreign(self._settings.url, error)) from None

    def _states(self, url: str, seconds: float) -> list[tuple[str, str]]:
        response = self._send("GET", url, seconds)
        return [
            (status["version"], status["state"])
            for status in self._value(response, "model_version_status")
        ]

    def _send(
        self,
        method: str,
        url: str,
        seconds: float,
        body: dict[str, Any] | None = None,
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                url,
                json=body,
                timeout=(min(CONNECT_TIMEOUT, seconds), seconds),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self._fault(error) from None

    def _fault(
        self, error: requests.RequestException
    ) -> ServerError | TryAgain:
        url = self._settings.url
        cause = _cause(error)
        if isinstance(error, requests.ConnectTimeout):
            return TryAgain(unreachable(url, _reason(cause)))
        if isinstance(cause, TimeoutError):
            return TryAgain(unanswered(url))
        # A server that goes away cuts its answers short.
        if isinstance(cause, ConnectionError | http.client.IncompleteRead):
            return TryAgain(unreachable(url, _reason(cause)))
        if isinstance(cause, http.client.HTTPException):
            return ServerError(foreign(url, cause))
        return ServerError(unreachable(url, _reason(cause)))

    def _value(self, response: requests.Response, *keys: str) -> Any:
        """What lies below `keys` in the JSON of an answer."""
        value: Any = _json(response)
        message = value.get("error") if isinstance(value, dict) else None
        said = f"HTTP {response.status_code} {response.reason}"
        url = self._settings.url
        if response.status_code in BUSY:
            raise TryAgain(
                f"{url} is busy, {said}: {brief(message)}"
                if message
                else f"{url} is busy, {said}",
                _retry_after(response),
            )
        if response.is_redirect:
            location = response.headers["Location"]
            raise ServerError(f"{url} redirects to {brief(location)}")
        if not response.ok and isinstance(message, str):
            if response.status_code in (400, 404):
                raise Refused(brief(message))
            raise ServerError(f"{url} failed, {said}: {brief(message)}")
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError):
            kind = response.headers.get("Content-Type", "no content type")
            raise ServerError(foreign(url, f"{said}, {kind}")) from None
        return value


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _retry_after(response: requests.Response) -> float | None:
    """Seconds of the header Retry-After, which may hold a date; or None."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_tz(value)
        return date and max(0.0, email.utils.mktime_tz(date) - time.time())
    except (OverflowError, TypeError, ValueError):
        return None


def _cause(error: BaseException) -> BaseException:
    """The socket's or parser's error that requests and urllib3 wrapped."""
    cause = error
    while cause is not None:
        wrapper = isinstance(cause, requests.RequestException)
        if (
            isinstance(cause, http.client.HTTPException | OSError)
            and not wrapper
        ):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def _reason(cause: BaseException) -> object:
    return getattr(cause, "strerror", None) or cause
