"""The scan of the controller, and the audit that is told what it finds."""

from webhook.audit.delivery import DeliveryError, StandingsDelivery
from webhook.audit.stood import Telling
from webhook.controller.receiver import Delivery, NotTakenError


class ToAudit:
    """Tells `scaleguard audit`."""

    def __init__(self, delivery: StandingsDelivery, cluster: str, replica: str) -> None:
        self._delivery = delivery
        self._cluster, self._replica = cluster, replica

    def take(self, delivery: Delivery) -> None:
        """Return once it is kept there; raises `NotTakenError`."""
        telling = Telling(
            self._cluster,
            self._replica,
            delivery.at,
            tuple(delivery.standings),
            delivery.pass_began,
        )
        try:
            self._delivery.deliver(telling)
        except DeliveryError as error:
            raise NotTakenError(str(error), again=error.again) from error

    def close(self) -> None:
        """Close the connections."""
        self._delivery.close()
