"""Tells at its owner that what an operator made was refused: nobody reads an operator's log."""

from webhook.cluster.events import Events
from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.decide import Decision
from webhook.core.finding import Action
from webhook.core.objects import reference
from webhook.core.review import Request
from webhook.core.topmost_owner import topmost_owner

COMPONENT = "scaleguard"
REASON = "AutoscalerRefused"

# Operators come again and again with what is refused, ever more slowly: one event counts them.
EVENTS_PER_SECOND = 2.0
EVENTS_BURST = 50


class Refusals:
    """Writes events on the owners of autoscalers that were refused; never waits."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def tell(self, asked: Request, decision: Decision) -> None:
        """Tell of a decision, where it refuses what an operator made; dry runs leave no trace."""
        if decision.allowed or asked.dry_run or asked.group_kind not in AUTOSCALERS:
            return
        denied = [one for one in decision.findings if one.action is Action.DENY]
        owner = topmost_owner(asked.object)
        if owner is None or not denied:
            return
        ref = reference(asked.object)
        said = "; ".join(finding.sentence() for finding in denied)
        self._events.tell(owner, REASON, f"its {ref} was refused: {said}", is_warning=True)
