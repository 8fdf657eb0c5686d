"""What records the webhook's decisions, put together in each worker process."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from webhook.core.frozen import frozen
from webhook.core.record import RecordKind

if TYPE_CHECKING:
    from webhook.audit.delivery import Deliver
    from webhook.audit.recording import Recording

# After the last answer. gunicorn waits two seconds longer than the last request may take.
LEAVING_SECONDS = 2.0


@frozen(kw_only=True)
class RecordingPlan:
    """Where decisions are recorded, and who gets the records."""

    spool: Path
    url: str | None = None
    """The audit's server; None: `store`."""
    store: str | None = None
    authority: Path | None = None
    token: Path | None = None
    cluster: str = ""


@dataclass(slots=True)
class Leaving:
    """What a worker process does after its last answer."""

    last: list[Callable[[float], None]] = field(default_factory=list)

    def __call__(self) -> None:
        """Do it."""
        for each in self.last:
            each(LEAVING_SECONDS)


def prepare(plan: RecordingPlan) -> None:
    """Try what can go wrong, in the first process; raises `ScaleguardError`."""
    if plan.store is not None:
        from webhook.audit.store.opened import open_store  # noqa: PLC0415 - it takes long to load
        from webhook.audit.store.schema import bring_up  # noqa: PLC0415

        store = open_store(plan.store)
        bring_up(store)
        store.close()


def recording(
    plan: RecordingPlan, leaving: Leaving, kinds: Callable[[], frozenset[RecordKind]]
) -> "Recording":
    """Begin to record and to deliver: in a process that forks no more.

    `kinds` are those of the configuration that holds now.
    """
    from webhook.audit.outbox import Outbox  # noqa: PLC0415 - it is off by default
    from webhook.audit.recorder import Counters  # noqa: PLC0415
    from webhook.audit.recording import Recording  # noqa: PLC0415
    from webhook.audit.shipper import Sender, Shipper  # noqa: PLC0415

    recorder = Counters()
    outbox = Outbox(plan.spool, recorder)
    sender = Sender(plan.cluster, socket.gethostname())
    shipper = Shipper(outbox, _deliver(plan), sender, recorder)
    shipper.start()
    leaving.last.append(shipper.leave)
    return Recording(outbox, recorder, kinds)


def _deliver(plan: RecordingPlan) -> "Deliver":
    if plan.url is not None:
        from webhook.audit.delivery import HttpsDelivery  # noqa: PLC0415 - as above

        return HttpsDelivery(plan.url, plan.authority, plan.token)
    from webhook.audit.store.opened import open_store  # noqa: PLC0415
    from webhook.audit.storing import StoreDelivery  # noqa: PLC0415

    return StoreDelivery(open_store(plan.store or ""))
