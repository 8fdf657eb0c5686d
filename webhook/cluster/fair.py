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
        self._sized: dict[int, dict[Of, None]] = {}
        """Who shares, by how much each has waiting: a thousand are not looked through."""
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
                largest = max(self._sized)
                if len(share) >= largest:
                    return 1
                noisiest = next(iter(self._sized[largest]))
                _, (_, lost) = self._shares[noisiest].popitem()
                self._resized(noisiest, largest)
            self._shares.setdefault(of, share)[name] = item, 1
            self._resized(of, len(share) - 1)
            self._ready.notify()
            return lost

    def take(self) -> tuple[Item, int] | None:
        """Wait for an item, and how many times it was put; None once closed and empty."""
        with self._ready:
            self._ready.wait_for(lambda: self._held or self._closed)
            if not self._held:
                return None
            of = next(iter(self._shares))
            share = self._shares[of] = self._shares.pop(of)  # behind all others
            waited = share.pop(next(iter(share)))
            self._resized(of, len(share) + 1)
            return waited

    def close(self) -> None:
        """Let who takes go once it is empty."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _resized(self, of: Of, before: int) -> None:
        """Note that a share is larger or smaller than before."""
        now = len(self._shares[of])
        self._held += now - before
        if before:
            del self._sized[before][of]
            if not self._sized[before]:
                del self._sized[before]
        if now:
            self._sized.setdefault(now, {})[of] = None
        else:
            del self._shares[of]
