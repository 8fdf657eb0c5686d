"""What waits for a writer that is slow on purpose: a fair share for each, and nothing twice."""

import threading
from typing import Generic, TypeVar

Of = TypeVar("Of")
Item = TypeVar("Item")


class Fair(Generic[Of, Item]):
    """A bounded queue in which each sharer has its turn; for many threads.

    Who puts never waits. When it is full, the newest of the largest share gives way, so that one
    that is noisy displaces nobody but itself.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ready = threading.Condition()
        self._shares: dict[Of, dict[str, tuple[Item, int]]] = {}
        self._held = 0
        self._closed = False

    def put(self, of: Of, name: str, item: Item) -> int:
        """Have an item wait; what has the same name and waits already is counted up.

        Return how many times something was put in vain.
        """
        with self._ready:
            share = self._shares.get(of, {})
            if name in share:
                share[name] = share[name][0], share[name][1] + 1
                return 0
            lost = 0
            if self._held >= self._most:
                noisiest = max(self._shares, key=lambda one: len(self._shares[one]))
                largest = self._shares[noisiest]
                if len(share) >= len(largest):
                    return 1
                _, (_, lost) = largest.popitem()
                self._held -= 1
                if not largest:
                    del self._shares[noisiest]
            self._shares.setdefault(of, share)[name] = item, 1
            self._held += 1
            self._ready.notify()
            return lost

    def take(self) -> tuple[Item, int] | None:
        """Wait for an item, and how many times it was put; None once closed and empty."""
        with self._ready:
            self._ready.wait_for(lambda: self._held or self._closed)
            if not self._held:
                return None
            of = next(iter(self._shares))
            share = self._shares.pop(of)
            waited = share.pop(next(iter(share)))
            if share:
                self._shares[of] = share  # behind all others
            self._held -= 1
            return waited

    def close(self) -> None:
        """Let who takes go once it is empty."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
