"""How many different things are said of one object: a few, then that there were more."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

# The API server keeps events for an hour (--event-ttl).
WINDOW_SECONDS = 3600.0

# Whom more is said of: with ten sayings of 16 characters each some 10 MB, of kilobytes mostly.
_MOST_SUBJECTS = 4096


@dataclass(slots=True)
class _Window:
    until: float
    said: set[int] = field(default_factory=set)


class Variety:
    """Bounds the different sayings of each subject within an hour; for many threads."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[Hashable, _Window] = {}

    def admits(self, subject: Hashable, said: str) -> bool:
        """Whether this may be said of the subject: it was said before, or little else was."""
        with self._lock:
            now = self._clock()
            window = self._windows.pop(subject, None)
            if window is None or now >= window.until:
                window = _Window(now + WINDOW_SECONDS)
            while len(self._windows) >= _MOST_SUBJECTS:
                del self._windows[next(iter(self._windows))]
            self._windows[subject] = window
            known = hash(said)
            if known in window.said:
                return True
            if len(window.said) >= self._most:
                return False
            window.said.add(known)
            return True
