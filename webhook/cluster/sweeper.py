"""Removes entries that nobody needs any more, where no request happens to do it."""

import logging
import threading
import time

from webhook.cluster.errors import ApiError
from webhook.cluster.fresh import Fresh
from webhook.cluster.leases import Leases
from webhook.cluster.sight import Sight
from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.entry import Entry
from webhook.core.shard import SHARDS, FullShard, Shard
from webhook.core.verdict import CannotJudge

SWEEP_SECONDS = 5.0

# A shard that was empty is looked at by every so many sweeps: another process may have ended
# before it could clean up.
_ROUNDS = 12

# An API server gives a request up after 60 s (--request-timeout), and what it then has sent to
# etcd takes no 5 s more.
EXPIRE_SECONDS = 65.0

# Single objects that one sweep of a shard reads.
_MOST_READS = 16

_SWEEP_ONE_SECONDS = 5.0

_log = logging.getLogger("scaleguard.cluster")


class Sweeper:
    """Looks after all shards, in a thread of its own."""

    def __init__(self, leases: Leases, sight: Sight, fresh: Fresh) -> None:
        self._leases = leases
        self._sight = sight
        self._fresh = fresh
        self._stop = threading.Event()
        self._problem: str | None = None

    def start(self) -> None:
        """Begin to sweep: once at the start, so that the age of what is there is known."""
        threading.Thread(target=self._run, name="ledger", daemon=True).start()

    def stop(self) -> None:
        """End at the next pause; nobody waits for it."""
        self._stop.set()

    def _run(self) -> None:
        round_number = 0
        while not self._stop.is_set():
            for number in range(SHARDS):
                due = round_number == 0 or (round_number + number) % _ROUNDS == 0
                if due or not self._sight.is_empty(number):
                    self._sweep_safely(number)
            round_number += 1
            self._stop.wait(SWEEP_SECONDS)

    def _sweep_safely(self, number: int) -> None:
        try:
            self.sweep(number, time.monotonic() + _SWEEP_ONE_SECONDS)
        except (CannotJudge, FullShard) as error:
            if str(error) != self._problem:
                _log.warning("%s", error)
            self._problem = str(error)
        except Exception:  # noqa: BLE001 - the thread must not end over anything
            _log.exception("shard %d: a fault of the ledger's own", number)
        else:
            self._problem = None

    def sweep(self, number: int, until: float) -> None:
        """Remove from a shard what was seen, what came to nothing, and floors that are lost."""
        page = self._leases.read(number, until)
        self._sight.note(page)
        left = page.shard.without_floors(self._sight.lost_floors(page))
        left = self._without_expired(left.pruned(self._sight.seen_at), until)
        # A Lease that is missing is made here, so that no request has to wait for that.
        if left != page.shard or page.raw is None:
            self._leases.write(page, left, until)  # where somebody else was quicker, next time

    def _without_expired(self, shard: Shard, until: float) -> Shard:
        old = [one for one in shard.entries if self._sight.known_seconds(one) > EXPIRE_SECONDS]
        return shard.without(one.id for one in old[:_MOST_READS] if self._is_over(one, until))

    def _is_over(self, entry: Entry, until: float) -> bool:
        """Whether nothing came of a request that nobody waits for any more."""
        if entry.ref.name is None or entry.ref.group_kind not in AUTOSCALERS:
            return True
        try:
            raw = self._fresh.read(entry.ref, until)
        except ApiError:
            return False
        return raw is None or not entry.is_written(raw)
