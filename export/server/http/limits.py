"""How much the server takes on at once."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds of requests that run a model.

    Attributes:
        running: how many run at once. A run already uses all cores: a second
            one fills them while the first reads or writes JSON, a third would
            only take memory.
        waiting: how many more are let in; beyond it the answer is 503.
        body_bytes: size of a body, packed or unpacked; beyond it 413.
        memory_bytes: of the bodies that are held, packed, at once. The body
            of a request is not read before there is room for it.
        seconds: from the headers to the answer; beyond it 504, or 408 where
            the body has not arrived.
    """

    running: int = 2
    waiting: int = 64
    body_bytes: int = 64 * 2**20
    memory_bytes: int = 4 * 64 * 2**20
    seconds: float = 30
