"""Which web pages may ask the server.

Any page that a browser shows can send requests to a server on the same
machine, and one whose name its owner makes point to 127.0.0.1 (DNS rebinding)
can also read the answers. Browsers tell the truth in Origin and Host.
"""

import ipaddress
import urllib.parse

from aiohttp import web

from alexnet_tf.errors import UserError
from export.server.json.document import shortened


class Origins:
    """Tells requests of foreign pages.

    Args:
        host: --host. On a loopback address only names of this machine are
            answered; whoever gives another one wants to be reached by others,
            whose names for the machine are not known here.
        allowed: origins of other pages that may ask, such as
            "https://example.org"; "*" for all. Behind a proxy the server may
            have their host as its name.

    Raises:
        UserError: what is allowed is no origin.
    """

    def __init__(self, host: str, allowed: tuple[str, ...] = ()) -> None:
        self._host = host.lower()
        self._allowed = {origin.lower() for origin in allowed}
        self._any_host = "*" in allowed or not _is_loopback(self._host)
        for origin in allowed:
            parts = urllib.parse.urlsplit(origin)
            whole = parts.netloc and f"{parts.scheme}://{parts.netloc}"
            if origin not in ("*", whole) or not origin:
                raise UserError(
                    f"--allow_origin={origin}: give it as https://HOST or "
                    "http://HOST:PORT, or as * for every page"
                )

    def refusal(self, request: web.BaseRequest) -> str | None:
        """Why a request is refused, or None."""
        for host in request.headers.getall("Host", []):
            if not self._is_own(host):
                return (
                    f"The host {shortened(host)} is not this server's: ask "
                    "for localhost, or start it with another --host or with "
                    "--allow_origin"
                )
        for origin in request.headers.getall("Origin", []):
            _, _, authority = origin.lower().partition("://")
            same = authority and authority == (request.host or "").lower()
            if not (same or self.is_allowed(origin)):
                return (
                    f"Pages of {shortened(origin)} may not ask this server: "
                    "start it with --allow_origin to let them"
                )
        return None

    def is_allowed(self, origin: str) -> bool:
        """Whether --allow_origin names an origin."""
        return bool(self._allowed & {"*", origin.lower()})

    def _is_own(self, host: str) -> bool:
        if self._any_host:
            return True
        try:
            name = urllib.parse.urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == self._host or _is_loopback(name):
            return True
        return any(self.is_allowed(f"{s}://{host}") for s in ("http", "https"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
