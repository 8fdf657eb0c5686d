"""Who is told how things stand, and what it is told."""

from collections.abc import Sequence
from typing import Protocol

from webhook.core.frozen import frozen
from webhook.core.standing import Standing

# What a delivery holds at most; the audit takes 8 MiB. A standing has some kB mostly.
MOST_STANDINGS = 200
MOST_BYTES = 4 << 20


class NotTakenError(Exception):
    """A delivery was not taken; the message says why."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again
        """Whether the same may be taken later."""


@frozen
class Delivery:
    """What travels at once."""

    at: float
    """The moment for which it holds, in seconds since 1970."""
    standings: Sequence[Standing]
    pass_began: float | None = None
    """With the last delivery of a pass: what was told before it and not since is gone."""


class Receiver(Protocol):
    """Keeps how things stand."""

    def take(self, delivery: Delivery) -> None:
        """Return once it is kept; raises `NotTakenError`."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
