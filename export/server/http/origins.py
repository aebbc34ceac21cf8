"""Which web pages may ask the server.

Any page that a browser shows can send requests to a server on the same
machine, and one whose name its owner makes point to 127.0.0.1 (DNS rebinding)
can also read the answers. Browsers tell the truth in Origin and Host.
"""

import ipaddress
import re
import socket
import threading
import urllib.parse

from aiohttp import web

from alexnet_tf.errors import UserError
from export.server.json.document import shortened

# What browsers send: a page's address without its path. They write other
# letters than ASCII's as these.
_ORIGIN = re.compile(
    r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII | re.I
)


class Origins:
    """Tells requests of foreign pages.

    Args:
        host: --host. On a loopback address only names of this machine are
            answered; whoever gives another one wants to be reached by others,
            whose names for the machine are not known here.
        allowed: origins of other pages that may ask, such as
            "https://example.org"; a single "*" for all. Behind a proxy the
            server may have their host as its name.

    Raises:
        UserError: what is allowed is no origin.
    """

    def __init__(self, host: str, allowed: tuple[str, ...] = ()) -> None:
        for origin in allowed:
            if not (_ORIGIN.fullmatch(origin) or allowed == ("*",)):
                raise UserError(
                    f"--allow_origin={','.join(allowed)}: give each as "
                    "https://HOST or http://HOST:PORT, or a single * for every "
                    "page"
                )
        self._host = host.lower()
        self._allowed = {origin.lower() for origin in allowed}
        self._any_host = "*" in allowed or not _is_loopback(self._host)
        self._names = {self._host, socket.gethostname().lower()}
        if not self._any_host:
            # This runs in a thread, for it may ask a name server that does not
            # answer.
            threading.Thread(target=self._add_full_name, daemon=True).start()

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

    def _add_full_name(self) -> None:
        self._names.add(socket.getfqdn().lower())

    def _is_own(self, host: str) -> bool:
        if self._any_host:
            return True
        try:
            name = urllib.parse.urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        name = name.removesuffix(".")
        if name in self._names or _is_loopback(name):
            return True
        return any(self.is_allowed(f"{s}://{host}") for s in ("http", "https"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
