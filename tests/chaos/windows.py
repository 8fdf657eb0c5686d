"""When nobody could judge, and why: what failed at other times has no excuse."""

import time
from dataclasses import dataclass, field


@dataclass
class Window:
    """From a fault until requests are judged again."""

    why: str
    begun: float
    mended: float | None = None
    """When its cause was gone."""
    ended: float | None = None

    def meets(self, begun: float, ended: float) -> bool:
        return begun <= (self.ended or float("inf")) and ended >= self.begun


@dataclass
class Windows:
    """All of them, and when processes were killed."""

    all: list[Window] = field(default_factory=list)
    kills: list[tuple[float, float]] = field(default_factory=list)
    """From when until when a process was being killed."""

    # From the kill until whoever waits for an answer has learnt of it.
    KILL_SECONDS = 0.25

    def open(self, why: str) -> Window:
        window = Window(why, time.monotonic())
        self.all.append(window)
        return window

    def are_open(self) -> bool:
        return any(window.ended is None for window in self.all)

    def judged(self, asked: float) -> None:
        """End those whose cause was gone when a question was asked that is answered now."""
        for window in self.all:
            if window.ended is None and window.mended is not None and window.mended <= asked:
                window.ended = time.monotonic()

    def excuse(self, begun: float, ended: float) -> str | None:
        """Why a request may have found no judgement; None where it must have found one."""
        for window in self.all:
            if window.meets(begun, ended):
                return window.why
        for first, last in self.kills:
            if begun <= last + self.KILL_SECONDS and ended >= first:
                return "in flight at who was killed"
        return None

    def seconds(self, until: float) -> float:
        """How long nobody could judge, all in all; what overlaps counts once."""
        total, reached = 0.0, 0.0
        for window in sorted(self.all, key=lambda each: each.begun):
            end = window.ended or until
            total += max(0.0, end - max(window.begun, reached))
            reached = max(reached, end)
        return total
