"""Delivers what is in the outbox: in one process of those that share it, at least once."""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

from webhook.audit.delivery import Deliver, DeliveryError
from webhook.audit.losses import Loss
from webhook.audit.outbox import Outbox
from webhook.audit.recorder import Recorder
from webhook.audit.spool import Waiting
from webhook.chance import chance
from webhook.core.frozen import frozen

# What one delivery takes of the spool at most. A record has 10 kB at most and 1 kB mostly; the
# spool ends a batch at 1 MiB of records, as much is taken of journals, and the audit takes 8.
MOST_DECISIONS: Final = 1000

_log = logging.getLogger("scaleguard.audit")


@frozen
class Pace:
    """How often is looked and tried."""

    look_seconds: float = 0.5
    """Between two looks at what there is, and at whether nobody delivers any more."""
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0

    def pause(self, failures: int) -> float:
        """Wait twice as long after each failure, each replica a little longer or shorter."""
        # The exponent is bounded: 2.0 to the power of a weekend's failures is no number any more.
        seconds = self.first_pause_seconds * 2.0 ** min(failures - 1, 16)
        apart = 0.5 + chance()
        return min(seconds, self.longest_pause_seconds) * apart


@frozen
class Sender:
    """Who delivers."""

    cluster: str
    replica: str


class Shipper(threading.Thread):
    """A thread of each worker process; it delivers while it holds the folder's lock."""

    def __init__(
        self,
        outbox: Outbox,
        deliver: Deliver,
        sender: Sender,
        recorder: Recorder,
        pace: Pace = Pace(),  # noqa: B008 - it is frozen
    ) -> None:
        super().__init__(name="audit-shipper", daemon=True)
        self._lock_path = outbox.folder / "shipper.lock"
        self._outbox = outbox
        self._spool = outbox.spool
        self._deliver = deliver
        self._sender = sender
        self._recorder = recorder
        self._pace = pace
        self._leaving = threading.Event()
        self._lock: IO[str] | None = None
        self._deadline = 0.0
        self._failures = 0
        self._try_at = 0.0
        self._is_empty = False
        """Whether nothing waited at the last look."""

    def run(self) -> None:
        """Deliver until told to leave, then what can be delivered in the time that is left."""
        try:
            while not self._leaving.is_set():
                self._leaving.wait(self._round())
            while time.monotonic() < self._deadline:
                pause = self._round()
                if self._is_empty:
                    break
                time.sleep(min(pause, 0.05))
        finally:
            self._let_go()

    def leave(self, seconds: float) -> None:
        """Deliver what can be delivered in this time, and end."""
        self._deadline = time.monotonic() + seconds
        self._leaving.set()
        if self.is_alive():
            self.join(seconds + 1)

    def _round(self) -> float:
        """Deliver a batch, where that is this process's to do; return how long to wait then."""
        try:
            return self._next()
        except DeliveryError as error:
            self._failures += 1
            level = logging.WARNING if self._failures == 1 else logging.DEBUG
            _log.log(level, "audit: records wait, they cannot be delivered: %s", error)
        except Exception:  # noqa: BLE001 - it is logged, and the thread goes on
            # Whatever it is, the next round may be another; records stay where they are.
            self._failures += 1
            _log.exception("audit: records wait, by a fault of the webhook's own")
        pause = self._pace.pause(self._failures)
        if time.monotonic() >= self._try_at:  # not where something else failed in a pause
            self._try_at = time.monotonic() + pause
        return min(pause, self._pace.look_seconds)

    def _next(self) -> float:
        self._is_empty = False
        if not self._holds():
            return self._pace.look_seconds
        self._spool.tidy()
        self._look()
        pause = self._try_at - time.monotonic()
        if pause > 0 and not self._leaving.is_set():
            # Journals have room for some seconds; admissions should find some in them meanwhile.
            self._outbox.gather()
            return min(pause, self._pace.look_seconds)
        # Both: a spool that cannot be read, or never gets empty, keeps nothing else back.
        waited = self._deliver_waiting()
        self._is_empty = not self._deliver_fresh() and not waited
        if self._failures and not self._is_empty:
            _log.info("audit: records are delivered again")
            self._failures = 0
        return 0 if waited or self._outbox.has_much() else self._pace.look_seconds

    def _deliver_waiting(self) -> bool:
        """Deliver a batch of the spool; whether there was one."""
        batch = self._spool.take(MOST_DECISIONS)
        if not batch:
            return False
        refused: list[Waiting] = []
        try:
            self._ship(batch, refused)
        finally:
            self._recorder.lost(Loss.REFUSED, len(refused))
        return True

    def _deliver_fresh(self) -> bool:
        """Deliver what is in journals; whether there was anything.

        Where that fails in the middle, all of it is told again.
        """
        fresh = self._outbox.fresh()
        if fresh is None:
            return False
        refused: list[Waiting] = []
        self._ship(fresh.batch, refused)
        self._outbox.passed(fresh)
        self._recorder.lost(Loss.REFUSED, len(refused))
        return True

    def _ship(self, batch: Sequence[Waiting], refused: list[Waiting]) -> None:
        """Deliver a batch, in halves where it is refused, until what is wrong with it is alone."""
        if self._leaving.is_set() and time.monotonic() >= self._deadline:
            raise DeliveryError("there is no time left", again=True)
        try:
            self._deliver.deliver(self._sender.cluster, self._sender.replica, batch)
        except DeliveryError as error:
            self._recorder.delivered("failed" if error.again else "refused")
            if error.again:
                raise
            halves = _halved(batch)
            if halves:
                for half in halves:
                    self._ship(half, refused)
                return
            refused += batch
            _log.error("audit: a record is refused, and left out: %s", error)
        else:
            self._recorder.delivered("ok")
        self._spool.done(batch)

    def _look(self) -> None:
        filled = self._spool.filled()
        if filled is not None:
            age = max(time.time() - filled.oldest, 0.0) if filled.oldest is not None else 0.0
            self._recorder.waits(filled.rows, filled.bytes, age)

    def _holds(self) -> bool:
        """Whether this process delivers: one of those that share the folder does."""
        if self._lock is not None and not self._is_the_lock(self._lock):
            self._lock.close()  # its file was removed, and perhaps somebody has another one
            self._lock = None
        if self._lock is None:
            with suppress(OSError):
                self._lock_path.parent.mkdir(parents=True, exist_ok=True)
                lock = self._lock_path.open("w")
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    lock.close()
                    return False
                self._lock = lock
                self._outbox.begin()
        return self._lock is not None

    def _is_the_lock(self, lock: IO[str]) -> bool:
        try:
            return self._lock_path.stat().st_ino == os.fstat(lock.fileno()).st_ino
        except OSError:
            return False

    def _let_go(self) -> None:
        try:
            self._outbox.have_done()
            if self._holds():
                self._outbox.gather()
                self._look()
        finally:
            self._deliver.close()
            if self._lock is not None:
                self._lock.close()
                self._lock = None


def _halved(batch: Sequence[Waiting]) -> list[list[Waiting]]:
    """Part a batch in two, and one record's decisions; empty where one decision is left."""
    if len(batch) > 1:
        middle = len(batch) // 2
        return [list(batch[:middle]), list(batch[middle:])]
    (one,) = batch
    middle = len(one.decisions) // 2
    if not middle:
        return []
    parts = (slice(None, middle), slice(middle, None))
    return [[Waiting(one.body, one.decisions[part], one.numbers[part])] for part in parts]
