"""Answers that hold for a while, and not more of them than fit."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """Remembers answers by their question; for many threads. The oldest question gives way."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()

    def get(self, question: Hashable) -> Answer | None:
        """Return an answer that still holds."""
        with self._lock:
            until, answer = self._known.get(question, (0.0, None))
            return answer if self._clock() < until else None

    def put(self, question: Hashable, answer: Answer, seconds: float) -> None:
        """Remember an answer for so long."""
        with self._lock:
            self._known.pop(question, None)
            self._known[question] = self._clock() + seconds, answer
            while len(self._known) > self._most:
                self._known.popitem(last=False)
