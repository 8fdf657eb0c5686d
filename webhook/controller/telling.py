"""Telling the receiver: in halves where it refuses, again where it is away."""

import logging
from collections.abc import Callable, Sequence

from webhook.controller.queue import pause_seconds
from webhook.controller.receiver import Delivery, NotTakenError, Receiver
from webhook.controller.scan_recorder import ScanCounters
from webhook.controller.told import Judged, Told
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.frozen import frozen

LONGEST_PAUSE_SECONDS = 60.0

_log = logging.getLogger("scaleguard.controller")


@frozen
class Outcome:
    """What became of a delivery."""

    taken: tuple[WorkloadKey, ...]
    """The workloads of which nothing is left to tell."""
    waiting: tuple[WorkloadKey, ...] = ()
    """Those that have to be looked at again, and told of as it is by then."""
    has_ended: bool = False
    """Whether the receiver knows that a pass is over."""
    pause_seconds: float = 0.0


class Telling:
    """Tells, and notes what was told; for one thread."""

    def __init__(
        self,
        receiver: Receiver,
        told: Told,
        counters: ScanCounters,
        now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._receiver = receiver
        self._told = told
        self._counters = counters
        self._now, self._jitter = now, jitter
        self._failures = 0

    def tell(self, judged: Sequence[Judged], pass_began: float | None) -> Outcome:
        """Tell how things stand, and where that is said that a pass is over."""
        taken: dict[WorkloadKey, None] = {}
        try:
            has_ended = self._deliver(judged, pass_began, taken)
        except NotTakenError as error:
            self._failures += 1
            level = logging.WARNING if self._failures == 1 else logging.DEBUG
            _log.log(level, "the scan: findings wait, they cannot be delivered: %s", error)
            pause = min(pause_seconds(self._failures, self._jitter), LONGEST_PAUSE_SECONDS)
            keys = (one.standing.workload for one in judged)
            waiting = tuple(key for key in keys if key not in taken)
            return Outcome(tuple(taken), waiting, pause_seconds=pause)
        if self._failures:
            _log.info("the scan: findings are delivered again")
        self._failures = 0
        return Outcome(tuple(taken), has_ended=has_ended)

    def _deliver(
        self, judged: Sequence[Judged], pass_began: float | None, taken: dict[WorkloadKey, None]
    ) -> bool:
        """Deliver, in halves where it is refused, until what is wrong with it is alone.

        Return whether the end of a pass was told; raises `NotTakenError`.
        """
        told = [one.standing for one in judged]
        try:
            self._receiver.take(Delivery(self._now(), told, pass_began))
        except NotTakenError as error:
            self._counters.delivered("failed" if error.again else "refused")
            if error.again or not judged:
                raise
            if len(judged) > 1:
                middle = len(judged) // 2
                self._deliver(judged[:middle], None, taken)
                return self._deliver(judged[middle:], pass_began, taken)
            _log.error("the scan: %s is refused, and left out: %s", told[0].workload, error)
            pass_began = None
        else:
            self._counters.delivered("ok")
        for one in judged:
            self._told.note(one)
            taken[one.standing.workload] = None
        return pass_began is not None
