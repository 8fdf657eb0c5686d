"""What others have to know before it is used, and go on knowing for a while: next, current, before.

An authority is trusted before it signs, and until nobody serves what it signed any more. A path is
answered before anybody is sent there, and until the last one has left.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

OVERLAP_SECONDS = 300.0
"""How long everybody has to learn of something. The kubelet looks after the Secrets that pods mount
once a minute, and may find them as they were up to a minute before."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Phased(Generic[T]):
    """One that is used, perhaps one that will be, perhaps one that was; all of them are known."""

    current: T
    since: datetime
    """When the phase began that it is in."""
    next: T | None = None
    before: T | None = None

    @property
    def is_settled(self) -> bool:
        """Whether no other one is known but the current one."""
        return self.next is None and self.before is None

    @property
    def known(self) -> tuple[T, ...]:
        """All that are known, the current one first."""
        return tuple(one for one in (self.current, self.next, self.before) if one is not None)

    def announced(self, successor: T, now: datetime) -> "Phased[T]":
        """Begin to follow: others learn of the successor, nothing else changes yet."""
        return replace(self, next=successor, since=now)

    def moved_on(self, now: datetime, overlap: timedelta) -> "Phased[T] | None":
        """Return the next phase once this one has lasted as long as it takes everybody to learn.

        None where it has not, or where none follows. A phase that began in the future was begun by
        a clock that was wrong: it begins again.
        """
        if self.is_settled:
            return None
        if self.since > now + overlap:
            return replace(self, since=now)
        if now < self.since + overlap:
            return None
        if self.next is not None:
            return Phased(self.next, now, before=self.current)
        return Phased(self.current, now)
