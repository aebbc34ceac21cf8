"""What a server has in place of what it was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from export.client.server_errors import Refused, ServerError, TryAgain
from export.client.settings import Settings

if TYPE_CHECKING:
    from export.client.over_grpc import GrpcTransport
    from export.client.over_rest import RestTransport

TIMEOUT = 5.0  # seconds: the answers only make an error clearer


def alternatives(
    transport: RestTransport | GrpcTransport, settings: Settings
) -> str:
    """Text to follow a refusal, in brackets; empty where nothing helps.

    Args:
        transport: `RestTransport` or `GrpcTransport`.
        settings: `Settings` of the request that was refused.
    """
    model, seconds = settings.model, min(TIMEOUT, settings.timeout)
    # What matters is the refusal, whatever becomes of these questions.
    with contextlib.suppress(ServerError, TryAgain, KeyError, TypeError):
        signatures = _unless_refused(transport.signatures, seconds)
        if signatures is None:
            versions = _unless_refused(transport.versions, seconds)
            if versions is None:
                return f" (the server has no model {model})"
            return f" (model {model} has the versions {', '.join(versions)})"
        if settings.signature not in signatures:
            names = ", ".join(signatures)
            return f" (model {model} has the signatures {names})"
    return ""


def _unless_refused(
    question: Callable[[float], list[str]], seconds: float
) -> list[str] | None:
    try:
        return question(seconds)
    except Refused:
        return None
