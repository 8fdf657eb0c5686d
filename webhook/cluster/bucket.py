"""So many a second, and a few at once: what a process asks of the API server is bounded."""

import threading
import time
from collections.abc import Callable


class Bucket:
    """A token bucket; for many threads."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._left = float(burst)
        self._at = clock()

    def take(self) -> None:
        """Take one, and wait until there is one: each waits for its own turn."""
        with self._lock:
            now = self._clock()
            filled = self._left + (now - self._at) * self._per_second
            self._left, self._at = min(self._burst, filled) - 1, now
            wait = -self._left / self._per_second
        if wait > 0:
            self._sleep(wait)
