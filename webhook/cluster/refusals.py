"""Tells in the cluster what was refused, where people look: nobody reads an operator's log."""

import time
from collections.abc import Callable

from webhook.cluster.events import Events
from webhook.cluster.lookups import Lookups
from webhook.cluster.variety import Variety
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Decision
from webhook.core.fields import Raw
from webhook.core.objects import DEFAULT_NAMESPACE, Owner, reference
from webhook.core.refused import Refused, refused
from webhook.core.review import Request
from webhook.core.workload import Workload
from webhook.core.world import MOST_OWNERS

COMPONENT = "scaleguard"

# Operators come again and again with what is refused, ever more slowly: one event counts them.
# Each write takes one: to make an event, or to count it up.
EVENTS_PER_SECOND = 2.0
EVENTS_BURST = 50

# Of one object and rule within an hour. `kubectl describe` shows them all, one below the other.
MOST_DIFFERENT = 5

_LOOKUP_SECONDS = 2.0


class Refusals:
    """Writes events on whom refusals concern; never waits.

    `lookups` finds their uids, which is what `kubectl describe` looks for. `is_on` says whether
    anybody wants to be told.
    """

    def __init__(
        self,
        events: Events,
        lookups: Lookups,
        is_on: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = events
        self._lookups = lookups
        self._is_on = is_on
        self._variety = Variety(MOST_DIFFERENT, clock)

    def tell(self, asked: Request, decision: Decision) -> None:
        """Tell of a decision, where it refuses something; dry runs leave no trace."""
        told = refused(asked, decision) if self._is_on() else None
        if told is None:
            return
        about, message = _about(told), told.message
        if not self._variety.admits((reference(about).identity, told.rules), message):
            message = _more(told)
        self._events.tell(
            about, told.reason, message, is_warning=True, find=lambda: self._found(told)
        )

    def _found(self, told: Refused) -> Raw:
        """Find the object to tell at, with its uid: called where waiting costs nobody anything."""
        until = time.monotonic() + _LOOKUP_SECONDS
        if isinstance(told.at, WorkloadKey):
            workload = self._lookups.workload(told.at, until)
            return _object(workload) if workload is not None else _namespace(told.namespace)
        return self._topmost(told.at, until) if told.at is not None else _about(told)

    def _topmost(self, owner: Raw, until: float) -> Raw:
        """Climb from an owner to the object that somebody wrote, as far as it can be read."""
        for _ in range(MOST_OWNERS):
            ref = reference(owner)
            key = WorkloadKey(ref.namespace or DEFAULT_NAMESPACE, *ref.group_kind, ref.name or "")
            workload = self._lookups.workload(key, until)
            if workload is None or workload.owner is None:
                break
            owner = _of(workload.owner, key.namespace)
        return owner


def _about(told: Refused) -> Raw:
    """Whom it is told of, as far as that is known without a look: what it waits as."""
    if told.at is None:
        return _namespace(told.namespace)
    if not isinstance(told.at, WorkloadKey):
        return told.at
    metadata = {"namespace": told.at.namespace, "name": told.at.name}
    return {"apiVersion": f"{told.at.group}/", "kind": told.at.kind, "metadata": metadata}


def _more(told: Refused) -> str:
    rules = f" by {', '.join(told.rules)}" if told.rules else ""
    return (
        f"more was refused{rules} within the hour than is told one by one; the count says how "
        "often, and the webhook's log what"
    )


def _namespace(name: str) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _of(owner: Owner, namespace: str) -> Raw:
    metadata = {"namespace": namespace, "name": owner.name}
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "metadata": metadata | ({"uid": owner.uid} if owner.uid else {}),
    }


def _object(workload: Workload) -> Raw:
    ref = workload.ref
    metadata = {"namespace": ref.namespace, "name": ref.name, "uid": workload.uid}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
