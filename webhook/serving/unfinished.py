"""Connections whose request has not come as a whole: a poller in the worker's poller.

Hundreds of them may trickle at the same moment. Whoever asks over a connection that was answered
before waits for a few of them at most.
"""

import socket
from collections import deque
from collections.abc import Callable
from selectors import EVENT_READ, DefaultSelector

# So many are heard, at some 20 us each, before it is looked again who else speaks.
_MOST_IN_A_ROW = 8


class Unfinished:
    """What is called for each of them, once it has said more; in one thread."""

    def __init__(self) -> None:
        self._poller = DefaultSelector()
        self._speaking: deque[Callable[[], None]] = deque()

    def fileno(self) -> int:
        """Be something that a poller can wait for: readable where any of them is."""
        return self._poller.fileno()

    def register(self, client: socket.socket, speaks: Callable[[], None]) -> None:
        """Have this called each time that there is something to hear."""
        self._poller.register(client, EVENT_READ, speaks)

    def unregister(self, client: socket.socket) -> None:
        """Hear it no more; it may be called once more all the same."""
        self._poller.unregister(client)

    def hear_some(self) -> None:
        """Call some of those that have said more, each once before any twice."""
        if not self._speaking:
            self._speaking.extend(key.data for key, _ in self._poller.select(0))
        for _ in range(min(_MOST_IN_A_ROW, len(self._speaking))):
            self._speaking.popleft()()

    def close(self) -> None:
        """Close the poller."""
        self._poller.close()
