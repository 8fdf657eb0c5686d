"""The background scan: looks at what is due, and tells how things stand where that is news.

One thread judges and tells. So what waits is never more than the names of what is due, however
long nobody takes anything.
"""

import logging
import threading
import time
from collections.abc import Callable, KeysView, Mapping, Sequence

from webhook.chance import chance
from webhook.cluster.bucket import Bucket
from webhook.cluster.errors import ApiError
from webhook.controller.queue import WorkQueue
from webhook.controller.receiver import MOST_BYTES, MOST_STANDINGS, Receiver
from webhook.controller.rounds import Pass
from webhook.controller.scan_recorder import ScanCounters
from webhook.controller.sight import Sight
from webhook.controller.telling import LONGEST_PAUSE_SECONDS, Telling
from webhook.controller.told import Judged, Told
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Judge
from webhook.core.frozen import frozen
from webhook.core.scanned import standing_of
from webhook.core.verdict import CannotJudge
from webhook.policy.engine import for_request

_log = logging.getLogger("scaleguard.controller")


@frozen
class ScanPace:
    """How much is looked at and told, and when."""

    settle_seconds: float = 1.0
    """VPAs are looked at after a tenth of it: they come first, and what they bring is told once."""
    looks_per_second: float = 10.0
    """A look at an HPA and a VPA takes some 25 ms: a quarter of a core at the most."""
    linger_seconds: float = 2.0
    """How long is waited for more to tell at once."""
    pass_seconds: float = 12 * 3600.0


class _Batch:
    """What is told at once: each workload once, as it was seen last."""

    def __init__(self) -> None:
        self._judged: dict[WorkloadKey, Judged] = {}

    def __len__(self) -> int:
        return len(self._judged)

    @property
    def judged(self) -> list[Judged]:
        return list(self._judged.values())

    @property
    def keys(self) -> KeysView[WorkloadKey]:
        return self._judged.keys()

    def has_room(self, one: Judged) -> bool:
        """Whether one more fits; the first one always does."""
        size = sum(each.size for each in self._judged.values())
        fits = len(self) < MOST_STANDINGS and size + one.size <= MOST_BYTES
        return fits or not self._judged

    def add(self, one: Judged) -> None:
        self._judged[one.standing.workload] = one

    def drop(self, key: WorkloadKey) -> None:
        self._judged.pop(key, None)


class Scan:
    """Runs in a thread from `start` to `stop`; is told of changes by many."""

    def __init__(  # noqa: PLR0913 - what it works with, and what tests replace
        self,
        sees: Callable[[], tuple[Sight, Judge]],
        may_look: Callable[[], bool],
        receiver: Receiver,
        counters: ScanCounters,
        *,
        pace: ScanPace = ScanPace(),  # noqa: B008 - it is frozen
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = chance,
    ) -> None:
        """`sees` returns what is followed now and who judges it.

        `may_look` tells whether everything is known, and this replica is the one that tells.
        """
        self._sees = sees
        self._may_look = may_look
        self._receiver = receiver
        self._counters = counters
        self._pace = pace
        self._clock, self._now, self._jitter = clock, now, jitter
        self._queue: WorkQueue[WorkloadKey] = WorkQueue(clock, jitter)
        self._bucket = Bucket(pace.looks_per_second, 1 + round(pace.looks_per_second))
        self._told = Told()
        self._telling = Telling(receiver, self._told, counters, now, jitter)
        self._pass: Pass | None = None
        self._is_new = self._is_wanted = False
        self._next_pass = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        counters.show(lambda: len(self._queue), self._open)

    def start(self) -> None:
        """Begin to look, in a thread."""
        self._thread = threading.Thread(target=self._run, name="scan", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End at the next look; whoever leads next tells everything."""
        self._stop.set()
        self._queue.close()
        if self._thread is not None:
            self._thread.join(self._pace.linger_seconds)
        self._receiver.close()

    # ---------------------------------------------------------------- what others tell it

    def changed(self, keys: Sequence[WorkloadKey]) -> None:
        """Have workloads looked at, and those that are called alike: they may select their pods."""
        if self._may_look():
            sight, _ = self._sees()
            near = (one for key in keys for one in self._told.near(key))
            due = dict.fromkeys([*sight.around(keys), *near])
            self._queue.add(due, self._pace.settle_seconds)

    def changed_in(self, namespace: str | None) -> None:
        """Have everything looked at of which anything was told, in a namespace or in all."""
        if self._may_look():
            self._queue.add(self._told.keys(namespace), self._pace.settle_seconds)

    def forget(self) -> None:
        """What was told may be so no more: leadership begins, and another one may have told."""
        self._is_new = True

    def begin(self) -> None:
        """Have a pass begin."""
        self._is_wanted = True

    # ---------------------------------------------------------------- its thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self.step()
            except Exception:  # noqa: BLE001 - the thread must not end over anything
                _log.exception("the scan: a fault of the controller's own")
                pause = LONGEST_PAUSE_SECONDS
                self._is_wanted = True  # what it had in hand would wait for the next change
            self._stop.wait(pause)

    def step(self) -> float:
        """Look at what is due, and tell what is news; return how long to pause."""
        if not self._may_look():
            self._rest()
            return self._pace.settle_seconds
        # Be it that one is not over: a workload that is never judged would keep it open for good.
        if self._is_wanted or self._clock() >= self._next_pass:
            self._begin()
        batch = self._collect()
        running = self._pass
        ends = running if running is not None and running.ends_with(batch.keys) else None
        if not self._may_look() or not (batch or ends):
            return 0.0
        outcome = self._telling.tell(batch.judged, ends.began if ends is not None else None)
        self._queue.add(outcome.waiting)
        for key in outcome.taken:
            self._passed(key)
        if ends is not None and outcome.has_ended:
            self._end(ends)
        return outcome.pause_seconds

    def _rest(self) -> None:
        """Somebody else tells, or too little is known: all is looked at again after that."""
        self._queue.clear()
        self._pass = None
        self._is_wanted = True
        self._counters.rests()

    def _begin(self) -> None:
        if self._is_new:
            self._told.clear()
        self._is_new = self._is_wanted = False
        self._next_pass = self._clock() + self._pace.pass_seconds
        sight, _ = self._sees()
        keys = list(dict.fromkeys([*sight.keys(), *self._told.keys()]))
        self._pass = Pass(keys, self._now(), self._clock())
        self._counters.begun(len(keys))
        _log.info("the scan looks at %d workloads", len(keys))
        # One after the other at the pace of looks: what happens meanwhile need not wait for all.
        for place, key in enumerate(keys):
            self._queue.add([key], place / self._pace.looks_per_second)

    def _collect(self) -> _Batch:
        """Judge what is due, until there is enough to tell, or it has waited for more."""
        batch, until = _Batch(), self._clock() + self._pace.linger_seconds
        while (left := until - self._clock()) > 0 and self._may_look():
            if self._pass is not None and self._pass.ends_with(batch.keys):
                break
            key = self._queue.get(left)
            if key is None:
                break
            judged = self._look(key)
            if judged is None:
                continue
            batch.drop(key)  # it was so a moment ago
            if not self._is_due(judged):
                continue
            if not batch.has_room(judged):
                self._queue.add([key])
                break
            batch.add(judged)
        return batch

    def _look(self, key: WorkloadKey) -> Judged | None:
        """Look at a workload; None where that has to be tried again."""
        self._bucket.take()
        begun = self._clock()
        judged = None
        try:
            sight, judge = self._sees()
            existing = sight.existing(key)
            judged = Judged.of(standing_of(key, existing, for_request(judge), sight.world()))
        except (ApiError, CannotJudge) as error:
            _log.warning("the scan: %s: %s", key, error)
        except Exception:  # noqa: BLE001 - the scan must not end over one workload
            _log.exception("the scan: %s: a fault of the controller's own", key)
        self._queue.done(key, failed=judged is None)
        what = "failed" if judged is None else "seen"
        self._counters.looked(what, self._clock() - begun)
        return judged

    def _is_due(self, judged: Judged) -> bool:
        """Whether a standing has to be told: it is news, or a pass tells all there are."""
        key, running = judged.standing.workload, self._pass
        is_in_pass = running is not None and key in running
        if self._told.is_news(judged) or (is_in_pass and not judged.standing.is_empty):
            return True
        self._passed(key)
        return False

    def _passed(self, key: WorkloadKey) -> None:
        """Note that nothing is left to tell of a workload."""
        if self._pass is not None:
            self._pass.done(key)
            self._counters.left(self._pass.count, self._pass.left)

    def _end(self, over: Pass) -> None:
        took = self._clock() - over.at
        self._pass = None
        self._next_pass = self._clock() + self._pace.pass_seconds * (1 - self._jitter() / 10)
        self._counters.ended(took)
        findings = sum(self._told.open().values())
        _log.info(
            "the scan has looked at %d workloads in %.1f s: %d findings", over.count, took, findings
        )

    def _open(self) -> Mapping[tuple[str, str], int]:
        return self._told.open() if self._may_look() else {}
