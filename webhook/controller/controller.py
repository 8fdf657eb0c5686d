"""The controller of one process: follows, stands for election, and looks at workloads."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.events import Events
from webhook.cluster.recorder import Recorder
from webhook.cluster.timing import Timing
from webhook.controller.election import Candidacy, Election
from webhook.controller.following import Following
from webhook.controller.modes import Modes
from webhook.controller.queue import WorkQueue
from webhook.controller.receiver import Receiver
from webhook.controller.reconcile import Reconciler
from webhook.controller.recorder import Counters
from webhook.controller.scan import Scan, ScanPace
from webhook.controller.scan_recorder import ScanCounters
from webhook.controller.sight import Sight
from webhook.controller.world import LastingShapes
from webhook.controller.writer import Writer
from webhook.core.ai_workload import may_be_at_fault, may_make_ai_pods
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Judge
from webhook.core.frozen import frozen

COMPONENT = "scaleguard-controller"

_TICK_SECONDS = 0.5
# A claim is one read, and 2,000 workloads with one each are then 7 reads a second.
CLAIMS_SECONDS = 300.0
EVENTS_PER_SECOND = 10.0
EVENTS_BURST = 100

_log = logging.getLogger("scaleguard.controller")


@frozen
class Pace:
    """How much is done at a time."""

    workers: int = 4
    """Workloads that are looked at at a time: most of a look that writes is waiting."""
    writes_per_second: float = 50.0
    burst: int = 100


class Controller:
    """Everything that runs in one process; `run` returns when it is told to stop."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        api: Api,
        candidacy: Candidacy,
        judge: Callable[[], Judge],
        *,
        timing: Timing,
        recorder: Recorder,
        counters: Counters,
        pace: Pace = Pace(),  # noqa: B008 - it is frozen
        receiver: Receiver | None = None,
        scan_pace: ScanPace | None = None,
    ) -> None:
        """`judge` returns the one of the configuration that holds now.

        `receiver` is told by a scan how things stand; None: there is no scan.
        """
        self._api = api
        self._judge = judge
        self._timing, self._recorder, self._counters = timing, recorder, counters
        self._pace = pace
        self._queue: WorkQueue[WorkloadKey] = WorkQueue()
        bucket = Bucket(pace.writes_per_second, pace.burst)
        self._writer = Writer(api, bucket, counters, lambda: self._election.is_leader)
        self._modes = Modes(self._writer, candidacy.namespace)
        self._events = Events(
            api,
            Bucket(EVENTS_PER_SECOND, EVENTS_BURST),
            COMPONENT,
            partial(counters.asked, "event"),
        )
        self._election = Election(api, candidacy, self._take_over)
        self._stop = threading.Event()
        self._shapes = LastingShapes()
        self._was_ready = self._had_vpas = False
        self._begun_with = judge()
        self._scan: Scan | None = None
        if receiver is not None:
            scanned = ScanCounters(counters.registry)
            self._scan = Scan(
                self._sees, self._acts, receiver, scanned, pace=scan_pace or ScanPace()
            )
        self._following, self._reconciler = self._follow(self._begun_with)
        self._claims_due = 0.0
        counters.show(lambda: len(self._queue), self._modes_there)

    def _follow(self, judge: Judge) -> tuple[Following, Reconciler]:
        """Begin with a configuration: what is kept of the cluster depends on it."""
        following = Following(
            self._api,
            judge.knowledge.kinds,
            lambda raw: may_make_ai_pods(raw, judge.knowledge),
            self._changed,
            shapes=self._shapes,
            timing=self._timing,
            recorder=self._recorder,
            scan=self._scan,
            is_at_fault=lambda raw: may_be_at_fault(raw, judge.knowledge),
        )
        reconciler = Reconciler(
            following, judge, self._modes, self._writer.write, self._events, self._counters
        )
        return following, reconciler

    def _acts(self) -> bool:
        """Whether all is known, and no other replica is the one that acts."""
        return self._was_ready and self._election.is_leader

    def _sees(self) -> tuple[Sight, Judge]:
        return self._following.sight, self._begun_with

    def _modes_there(self) -> Mapping[str, int]:
        return self._following.vpas.modes()

    def run(self) -> None:
        """Run until `stop`; then let the Lease go, so that another replica goes on at once."""
        self._following.start()
        self._events.start()
        self._election.start()
        if self._scan is not None:
            self._scan.start()
        workers = [
            threading.Thread(target=self._work, name=f"worker {number}", daemon=True)
            for number in range(self._pace.workers)
        ]
        for worker in workers:
            worker.start()
        while not self._stop.wait(_TICK_SECONDS):
            self._tick()
        self._queue.close()
        for worker in workers:
            worker.join(_TICK_SECONDS)
        if self._scan is not None:
            self._scan.stop()
        self._election.stop()
        self._following.stop()
        self._events.stop()

    def stop(self) -> None:
        """Have `run` come to its end."""
        self._stop.set()

    @property
    def is_leader(self) -> bool:
        """Whether this replica is the one that writes."""
        return self._election.is_leader

    def not_ready(self) -> list[str]:
        """Say what keeps this replica from working, or from taking over."""
        problem = self._election.problem
        return [*self._following.not_ready(), *([f"Lease: {problem}"] if problem else [])]

    def _tick(self) -> None:
        """Take up another configuration; work while everything is known, and not otherwise."""
        judge = self._judge()
        if judge is not self._begun_with:
            _log.info("another configuration: everything is looked at again")
            self._begun_with = judge
            before = self._following
            self._was_ready = False  # first of all: nobody works with what knows nothing yet
            self._following, self._reconciler = self._follow(judge)
            self._queue.clear()
            self._following.start()
            before.stop()
        is_ready, has_vpas = not self._following.not_ready(), self._following.has_vpas
        anew = is_ready and (not self._was_ready or has_vpas != self._had_vpas)
        # Nothing is written by what may be known no more: what comes late would be undone by it.
        self._was_ready, self._had_vpas = is_ready, has_vpas
        if anew:
            self._look_at_all()
        self._look_at_claims()
        self._counters.leads(is_leader=self._election.is_leader)

    def _changed(self, keys: Iterable[WorkloadKey], after_seconds: float) -> None:
        if self._acts():
            self._queue.add(list(dict.fromkeys(keys)), after_seconds)

    def _take_over(self) -> None:
        """Leadership begins."""
        if self._scan is not None:
            self._scan.forget()
        self._look_at_all()

    def _look_at_all(self) -> None:
        if self._acts():
            keys = self._following.keys()
            _log.info("%d workloads are looked at", len(keys))
            self._queue.add(keys)
            if self._scan is not None:
                self._scan.begin()

    def _look_at_claims(self) -> None:
        """Look now and then at what is read and not followed: few use it, and it hardly changes."""
        now = time.monotonic()
        if now >= self._claims_due:
            self._claims_due = now + CLAIMS_SECONDS
            self._changed(self._following.claiming(), 0.0)

    def _work(self) -> None:
        while (key := self._queue.get()) is not None:
            reconciler = self._reconciler
            if self._acts():
                looked = reconciler.look(key)
                self._queue.done(key, failed=looked.failed, after_seconds=looked.after_seconds)
            else:
                self._queue.done(key)  # all are looked at once it is ready, and leads
