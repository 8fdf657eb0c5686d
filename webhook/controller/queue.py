"""Workloads that are to be looked at: each once, each by one worker at a time."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from webhook.chance import chance

Key = TypeVar("Key")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 300.0


def pause_seconds(failures: int, jitter: Callable[[], float]) -> float:
    """Double from failure to failure up to a limit; `jitter` gives 0 to 1 and takes up to half."""
    doubled = FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 16)
    return min(LONGEST_PAUSE_SECONDS, doubled) * (1 - jitter() / 2)


class WorkQueue(Generic[Key]):
    """Keys with the moment from which on they are due; for many threads.

    A key that is added while a worker has it is given out again once that worker is done: what the
    worker saw may be older than what happened.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = chance,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._taken: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._is_closed = False

    def __len__(self) -> int:
        """How many keys wait, those included that are not due yet."""
        with self._changed:
            return len(self._due)

    def add(self, keys: Iterable[Key], after_seconds: float = 0.0) -> None:
        """Have keys looked at, at the latest after so many seconds."""
        due = self._clock() + after_seconds
        with self._changed:
            for key in keys:
                self._put(key, due)
            self._changed.notify_all()

    def get(self, within_seconds: float | None = None) -> Key | None:
        """Wait for a key and take it; None once the queue is closed, or the time is over."""
        until = None if within_seconds is None else self._clock() + within_seconds
        with self._changed:
            while not self._is_closed:
                wait = self._until_next()
                if wait is not None and wait <= 0:
                    key = heapq.heappop(self._heap)[2]
                    del self._due[key]
                    self._taken.add(key)
                    return key
                left = None if until is None else until - self._clock()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(_sooner(wait, left))
            return None

    def done(self, key: Key, *, failed: bool = False, after_seconds: float | None = None) -> None:
        """Give a key back; one that failed comes again after a growing pause.

        `after_seconds` is a pause that somebody asked for.
        """
        with self._changed:
            self._taken.discard(key)
            if failed:
                count = self._failures[key] = self._failures.get(key, 0) + 1
                asked = min(after_seconds or 0.0, LONGEST_PAUSE_SECONDS)
                pause = max(pause_seconds(count, self._jitter), asked)
                self._put(key, self._clock() + pause)
            else:
                self._failures.pop(key, None)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything that waits: somebody else looks at it now."""
        with self._changed:
            self._due.clear()
            self._heap.clear()
            self._failures.clear()

    def close(self) -> None:
        """Let all workers go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _put(self, key: Key, due: float) -> None:
        before = self._due.get(key)
        if before is None or due < before:
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))

    def _until_next(self) -> float | None:
        """How long until a key can be given out; None while there is none."""
        passed: list[tuple[float, int, Key]] = []
        found = None
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) != due:
                heapq.heappop(self._heap)  # it was given out, or is due sooner by another entry
            elif key in self._taken:
                passed.append(heapq.heappop(self._heap))
            else:
                found = due - self._clock()
                break
        for entry in passed:
            heapq.heappush(self._heap, entry)
        return found


def _sooner(wait: float | None, left: float | None) -> float | None:
    return min((one for one in (wait, left) if one is not None), default=None)
