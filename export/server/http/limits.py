"""How much the server takes on at once."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of connections, and of requests that run a model.

    Attributes:
        running: how many run at once. A run already uses all cores: a second
            one fills them while the first reads or writes JSON, a third would
            only take memory.
        waiting: how many more are let in, once their body has come; beyond it
            the answer is 503.
        body_bytes: size of a body, packed or unpacked; beyond it 413.
        memory_bytes: of the bodies, packed, that are held or still come;
            beyond it 503 for the largest that still come.
        body_rate: bytes/s that a body has to come with; below it 408.
        body_window: seconds over which that is measured, again and again.
        seconds: from the whole body to the answer; beyond it 504.
        header_seconds: from the connection to the end of the first headers.
        idle_seconds: from an answer to the end of the next headers.
    """

    running: int = 2
    waiting: int = 64
    body_bytes: int = 64 * 2**20
    memory_bytes: int = 4 * 64 * 2**20
    body_rate: float = 8 * 2**10
    body_window: float = 5
    seconds: float = 30
    header_seconds: float = 10
    idle_seconds: float = 60
