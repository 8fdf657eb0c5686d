"""Several watches as one: begun together, ended together, and asked together how they are."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from webhook.cluster.recorder import Recorder
from webhook.cluster.watch import Watch

# How often the ages of all watches are noted; Prometheus asks every 15 s or more.
_NOTE_SECONDS = 1.0


class Watches:
    """The watches of one process; more may come while it runs, with kinds that appear."""

    def __init__(
        self, watches: Iterable[Watch[Any]], recorder: Recorder, noted: Callable[[], None]
    ) -> None:
        """`noted` is called whenever the ages are noted."""
        self._watches = tuple(watches)
        self._recorder = recorder
        self._noted = noted
        self._stop = threading.Event()

    def __iter__(self) -> Iterator[Watch[Any]]:
        """Go through the watches there are now."""
        return iter(self._watches)

    def start(self) -> None:
        """Begin to follow, in threads: after a fork, not before."""
        for watch in self._watches:
            watch.start()
        threading.Thread(target=self._note, name="watch ages", daemon=True).start()

    def add(self, watch: Watch[Any]) -> None:
        """Follow another resource from now on."""
        self._watches = (*self._watches, watch)
        watch.start()
        if self._stop.is_set():  # perhaps after `stop` has gone through them
            watch.stop()

    def stop(self) -> None:
        """End the threads at their next event; nobody waits for them."""
        self._stop.set()
        for watch in self._watches:
            watch.stop()

    def not_ready(self) -> list[str]:
        """Say which resources are not known yet, or have not been heard of for too long.

        Those that only make advice better are not waited for.
        """
        return [
            why
            for watch in self._watches
            if not watch.resource.advisory and (why := watch.not_ready()) is not None
        ]

    def _note(self) -> None:
        while not self._stop.wait(_NOTE_SECONDS):
            for watch in self._watches:
                held = len(watch.store)
                self._recorder.state(str(watch.resource), watch.age_seconds(), held)
            self._noted()
