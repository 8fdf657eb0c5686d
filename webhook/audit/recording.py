"""What the webhook does with a decision for the audit: it puts records of it into the outbox."""

import logging
import time
from collections.abc import Callable
from typing import Final

from webhook.audit.outbox import Outbox
from webhook.audit.recorder import Recorder
from webhook.core.decide import Decision, decision_id
from webhook.core.kinds import Kinds
from webhook.core.record import OF_REQUESTS, RecordKind
from webhook.core.recorded import records_of
from webhook.core.review import Request

ALWAYS: Final = frozenset({RecordKind.DENIAL})
"""Nothing that is refused goes unrecorded."""

_log = logging.getLogger("scaleguard.audit")


class Recording:
    """Records decisions, of all kinds or of those that are wanted at the moment."""

    def __init__(
        self,
        outbox: Outbox,
        recorder: Recorder,
        kept: Callable[[], frozenset[RecordKind]] = lambda: OF_REQUESTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._recorder = recorder
        self._kept = kept
        self._clock = clock

    def __call__(self, request: Request, decision: Decision, kinds: Kinds) -> None:
        """Record a decision; whatever goes wrong, the request is answered."""
        try:
            if request.dry_run:
                self._recorder.dry_run()
                return
            kept = self._kept() | ALWAYS
            records = [one for one in records_of(request, decision, kinds) if one.kind in kept]
            self._outbox.keep(records, decision_id(request.uid), self._clock())
        except Exception:  # noqa: BLE001 - the answer is worth more than its record
            _log.exception("audit: a decision is not recorded, by a fault of the webhook's own")
