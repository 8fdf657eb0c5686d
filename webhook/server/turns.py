"""Large requests are judged one after the other: what they take of memory adds up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Decoded, JSON takes up to 25 times as much memory (`[],[],...`): 7 MiB are 180, one in each of
# eight threads would be three times what the chart's pods may have. Eight that are not large
# take 25 MiB together.
LARGE_BYTES = 128 * 1024

# The largest takes a second. Who waits for it holds a thread meanwhile, which others need.
WAIT_SECONDS = 0.5


class Turns:
    """Lets one large request in at a time; for many threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    @contextmanager
    def of(self, body: bytes) -> Iterator[bool]:
        """Wait for the turn of a request, and hold it; whether it came in time."""
        if len(body) <= LARGE_BYTES:
            yield True
            return
        has_come = self._turn.acquire(timeout=WAIT_SECONDS)
        try:
            yield has_come
        finally:
            if has_come:
                self._turn.release()
