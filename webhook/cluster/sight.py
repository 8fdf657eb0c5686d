"""What this process has seen of the cluster, compared with what the ledger says it must have."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from webhook.cluster.counterparts import Watched
from webhook.cluster.leases import Page
from webhook.cluster.watch import Watch
from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.entry import Entry
from webhook.core.objects import DEFAULT_NAMESPACE, GroupKind
from webhook.core.shard import SHARDS, floor_name, shard_of

# A watch is behind by milliseconds, and by seconds where its connection broke. A floor that one
# which is well never reaches is of another cluster's time: etcd was restored from a backup.
GIVE_UP_SECONDS = 120.0

# Without its CRD a resource is looked for every 3 s. One that is still not there has no objects,
# and its floor stands from before it was removed.
ABSENT_SECONDS = 10.0


class Sight:
    """Compares entries and floors with the watches of autoscalers; for many threads."""

    def __init__(
        self,
        watched: Watched,
        watches: Mapping[GroupKind, Watch[Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.watched = watched
        self._watches = {floor_name(kind): watch for kind, watch in watches.items()}
        self._clock = clock
        self._since: list[dict[str, float]] = [{} for _ in range(SHARDS)]
        self._unreached: list[dict[str, tuple[int, float]]] = [{} for _ in range(SHARDS)]

    def note(self, page: Page) -> None:
        """Remember since when each entry is known here: no other machine's clock is trusted."""
        before, now = self._since[page.number], self._clock()
        self._since[page.number] = {one.id: before.get(one.id, now) for one in page.shard.entries}
        held, floors = self._unreached[page.number], page.shard.floors
        self._unreached[page.number] = {
            name: held[name] if held.get(name, (0, 0.0))[0] == floor else (floor, now)
            for name, floor in floors.items()
            if self._is_below(name, floor)
        }

    def known_seconds(self, entry: Entry) -> float:
        """How long an entry is known here."""
        now, number = self._clock(), shard_of(entry.ref.namespace or DEFAULT_NAMESPACE)
        return now - self._since[number].get(entry.id, now)

    def entries(self) -> int:
        """How many entries are known."""
        return sum(len(known) for known in self._since)

    def is_empty(self, number: int) -> bool:
        """Whether a shard had no entries when it was last looked at."""
        return not self._since[number]

    def seen_at(self, entry: Entry) -> int | None:
        """Say at which version what came of an entry has been seen; None where it has not been."""
        if entry.ref.group_kind not in AUTOSCALERS:
            return None
        store = self.watched.of_kind(entry.ref.group_kind)
        return store.seen_at(entry.ref, entry.uid, entry.after)

    def behind(self, page: Page) -> list[str]:
        """Name the kinds of which too little has been seen to judge by; raised floors say so."""
        lost = self.lost_floors(page)
        return [
            name
            for name, floor in page.shard.floors.items()
            if name not in lost and self._is_below(name, floor)
        ]

    def lost_floors(self, page: Page) -> list[str]:
        """Name the floors that will not be reached, though their watches are well."""
        now = self._clock()
        unreached = self._unreached[page.number].items()
        return [
            name
            for name, (_, since) in unreached
            if (watch := self._watches[name]).not_ready() is None
            and now - since > self._patience(watch)
        ]

    @staticmethod
    def _patience(watch: Watch[Any]) -> float:
        return ABSENT_SECONDS if watch.is_absent else GIVE_UP_SECONDS

    def _is_below(self, name: str, floor: int) -> bool:
        watch = self._watches.get(name)  # none for a kind that only another version judges
        return watch is not None and watch.position < floor
