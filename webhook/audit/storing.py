"""Batches that go into a store on the same machine, without a server between."""

from collections.abc import Sequence

import msgspec

from webhook.audit.delivered import read_delivery
from webhook.audit.delivery import DeliveryError, body_of
from webhook.audit.spool import Waiting
from webhook.audit.store.errors import StoreUnavailableError
from webhook.audit.store.opened import Store
from webhook.audit.store.taking import take_in


class StoreDelivery:
    """Writes to a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def deliver(self, cluster: str, replica: str, batch: Sequence[Waiting]) -> None:
        """Return once the batch is in the store."""
        try:
            body = msgspec.json.decode(body_of(cluster, replica, batch))
            take_in(self._store, read_delivery(body))
        except StoreUnavailableError as error:
            raise DeliveryError(f"the store does not answer: {error}", again=True) from error
        except ValueError as error:
            raise DeliveryError(str(error), again=False) from error

    def close(self) -> None:
        """Close the store's connections."""
        self._store.close()
