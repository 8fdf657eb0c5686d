"""Two conflicting requests at the same moment, settled between all replicas.

Whoever lets an autoscaler in writes it down first, over the very version of the ledger by which it
was judged: of two requests one is written first, and the other is judged by it. Why so, and what
could go wrong: docs/decisions/0005-consistency.md.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from webhook.chance import chance
from webhook.cluster.counterparts import Corrected, Counterparts, Decide
from webhook.cluster.denials import Denials
from webhook.cluster.leases import Leases, Page
from webhook.cluster.postponed import Postponed
from webhook.cluster.recorder import Recorder
from webhook.cluster.sight import Sight
from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.decide import Decision
from webhook.core.entry import Entry, claims_anew, entry_of
from webhook.core.finding import Action
from webhook.core.mode import Mode
from webhook.core.objects import DEFAULT_NAMESPACE
from webhook.core.review import Request
from webhook.core.shard import SHARDS, FullShard, shard_of

# What is in flight is mostly there within milliseconds, and then it can be judged by. Who waits
# holds a thread, of eight; the API server waits 3 s at most, and clients come back after one.
WAIT_SECONDS = 0.4
_LOOK_SECONDS = 0.01

# Threads of one process take turns at a shard rather than spoil each other's writes. It is no more
# than manners: who has waited so long goes ahead.
_TURN_SECONDS = 0.5

_JITTER_SECONDS = 0.02

# A try takes some milliseconds. With less left than this, none is begun.
_TRY_SECONDS = 0.5

# What is not seen after this has more than the usual way to go: it is worth a look of its own.
_LATE_SECONDS = 2.0

_log = logging.getLogger("scaleguard.cluster")


class Ledger:
    """Settles requests between all replicas; for many threads."""

    def __init__(self, leases: Leases, sight: Sight, denials: Denials, recorder: Recorder) -> None:
        self._leases = leases
        self._sight = sight
        self._denials = denials
        self._recorder = recorder
        self._turns = [threading.Lock() for _ in range(SHARDS)]

    def settle(self, asked: Request, decide: Decide, until: float) -> Decision:
        """Decide on a request; raises `CannotJudge` where the ledger cannot be read or written."""
        if not claims_anew(asked):
            self._recorder.settled("not_needed")
            return decide(lambda: self._sight.watched)
        patience = min(until, time.monotonic() + WAIT_SECONDS)
        while True:
            try:
                with self._turn(asked, until):
                    outcome, decision = self._try(asked, decide, until)
            except Postponed as reason:
                postponed = reason
            except BaseException:
                self._recorder.settled("failed")
                raise
            else:
                self._recorder.settled(outcome)
                return decision
            is_contended = postponed.outcome == "contended"
            if not self._wait(postponed, until - _TRY_SECONDS if is_contended else patience):
                decision = decide(lambda: self._sight.watched)
                if decision.mode is not Mode.ENFORCE:
                    self._recorder.settled("not_needed")
                    return decision
                self._recorder.settled(postponed.outcome)
                _log.info("asked to come back (%s): %s", postponed.outcome, postponed.why)
                return Decision(allowed=False, ask_again=postponed.why)

    def _try(self, asked: Request, decide: Decide, until: float) -> tuple[str, Decision]:
        attempt = Attempt(asked, self._leases, self._sight, until)
        decision = decide(attempt.counterparts)
        page = attempt.page
        # Nobody has asked what else there is, or nobody is refused in this namespace.
        if page is None or decision.mode is not Mode.ENFORCE:
            return "not_needed", decision
        among: Counterparts = self._sight.watched
        if not decision.allowed:
            decision, among = self._denials.confirmed(decision, decide, until)
        if not decision.allowed:
            return "denied", decision
        if attempt.unseen:
            decision = self._beside(attempt, decide, among, until)
            if not decision.allowed:
                return "denied", decision
        if asked.dry_run:
            return "dry_run", decision
        self._enter(asked, page, until)
        return "entered", decision

    def _beside(
        self, attempt: "Attempt", decide: Decide, among: Counterparts, until: float
    ) -> Decision:
        """Judge beside what is in flight; it may come to nothing, so it is no reason to deny."""
        records = [one.record() for one in attempt.unseen if one.is_whole]
        beside = Corrected(among, {}, [record for record in records if record is not None])
        decision = decide(lambda: beside)
        clashing = _clashing(decision, attempt)
        if not clashing:
            return decision
        late = [one for one in clashing if self._sight.known_seconds(one) > _LATE_SECONDS]
        denied = self._denials.among_written(late, among, decide, until)
        if denied is not None:
            return denied
        raise Postponed(
            "clash",
            f"{_listed(clashing)} is being written at this moment and may conflict with this",
            lambda: any(self._sight.seen_at(one) is not None for one in clashing),
        )

    def _enter(self, asked: Request, page: Page, until: float) -> None:
        sight = self._sight
        entry = entry_of(asked, page.version)
        kept = page.shard.without_floors(sight.lost_floors(page)).pruned(sight.seen_at)
        try:
            # A Lease that is not there is made first: the entry may need its version.
            after = kept.entered(entry) if page.raw is not None else kept
            written = self._leases.write(page, after, until)
        except FullShard as error:
            why = f"too many requests are in flight: {error}"
            raise Postponed("full", why) from error
        if not written or page.raw is None:
            raise Postponed("contended", "many requests are in flight at this moment", lambda: True)

    @contextmanager
    def _turn(self, asked: Request, until: float) -> Iterator[None]:
        lock = self._turns[shard_of(asked.namespace or DEFAULT_NAMESPACE)]
        left = min(_TURN_SECONDS, until - time.monotonic())
        is_held = lock.acquire(timeout=max(0.0, left))
        try:
            yield
        finally:
            if is_held:
                lock.release()

    @staticmethod
    def _wait(postponed: Postponed, until: float) -> bool:
        """Wait until something has changed, a little out of step with others; say whether so."""
        while time.monotonic() < until:
            if postponed.has_changed():
                if postponed.outcome == "contended":
                    time.sleep(chance() * _JITTER_SECONDS)
                return True
            time.sleep(_LOOK_SECONDS)
        return False


@dataclass
class Attempt:
    """One try: what was known when the counterparts were asked for, and not before."""

    asked: Request
    leases: Leases
    sight: Sight
    until: float
    page: Page | None = None
    unseen: tuple[Entry, ...] = ()

    def counterparts(self) -> Counterparts:
        """Read the ledger, then give what the watches know: in this order, or there is a gap.

        What was entered before is in the ledger, or was removed by somebody who had seen it; then
        the floor says how much we have to have seen.
        """
        if self.page is None:
            self.page = self._read()
        return self.sight.watched

    def _read(self) -> Page:
        namespace = self.asked.namespace or DEFAULT_NAMESPACE
        page = self.leases.read(shard_of(namespace), self.until)
        self.sight.note(page)
        behind = self.sight.behind(page)
        if behind:
            raise Postponed(
                "behind",
                f"the webhook has not yet seen the latest of {', '.join(behind)}",
                lambda: not self.sight.behind(page),
            )
        self.unseen = tuple(
            one
            for one in page.shard.of_namespace(namespace)
            if one.id != self.asked.uid
            and one.ref.group_kind in AUTOSCALERS
            and self.sight.seen_at(one) is None
        )
        return page


def _clashing(decision: Decision, attempt: Attempt) -> list[Entry]:
    """Say which entries stand in the way: those that a denial names, and those not known in full.

    A denial that names none of them comes of all of them together.
    """
    own = entry_of(attempt.asked, 0)
    others = [one for one in attempt.unseen if one.ref.identity != own.ref.identity]
    unknown = [one for one in others if not one.is_whole and one.target == own.target]
    if decision.allowed:
        return unknown
    denied = (one for one in decision.findings if one.action is Action.DENY and one.related)
    identities = {one.related[0].identity for one in denied}
    named = [one for one in others if one.is_whole and one.ref.identity in identities]
    return (named or others) + unknown


def _listed(entries: list[Entry]) -> str:
    return ", ".join(dict.fromkeys(str(one.ref) for one in entries))
