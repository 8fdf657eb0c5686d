"""What the scan records of autoscalers beside what rules read of them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Generic, NamedTuple, TypeVar

from webhook.cluster.records import Identity, Store
from webhook.core.fields import Raw
from webhook.core.kinds import Kinds
from webhook.core.record import OwnerRef
from webhook.core.scanned import Written, written_in

Record = TypeVar("Record")


class NotedRecord(NamedTuple, Generic[Record]):
    """A record of another store, and what is noted of its object."""

    record: Record
    noted: bytes
    """As JSON: a fifth of what objects take."""


class Notes(Generic[Record]):
    """A store of another, which keeps notes beside it."""

    def __init__(
        self, store: Store[Record], identity: Callable[[Record], Identity], kinds: Kinds
    ) -> None:
        self._store = store
        self._identity = identity
        self._kinds = kinds
        self._noted: dict[Identity, bytes] = {}

    def read(self, raw: Raw) -> NotedRecord[Record]:
        """Read an object, and note what is recorded of it; what a controller says of it is not."""
        spec = {name: value for name, value in raw.items() if name != "status"}
        noted = json.dumps(asdict(written_in(spec, self._kinds)), separators=(",", ":"))
        return NotedRecord(self._store.read(raw), noted.encode())

    def replace(self, records: Sequence[NotedRecord[Record]], version: int) -> None:
        """Hold these and nothing else."""
        self._noted = {self._identity(one.record): one.noted for one in records}
        self._store.replace([one.record for one in records], version)

    def put(self, record: NotedRecord[Record]) -> None:
        """Hold an object as it is now."""
        self._noted[self._identity(record.record)] = record.noted
        self._store.put(record.record)

    def remove(self, record: NotedRecord[Record]) -> None:
        """Forget an object."""
        self._store.remove(record.record)
        self._noted.pop(self._identity(record.record), None)

    def __len__(self) -> int:
        """How many objects are held."""
        return len(self._store)

    def of(self, name: Identity) -> Written:
        """What is noted of an object."""
        noted = self._noted.get(name)
        if noted is None:
            return Written()
        raw = json.loads(noted)
        owner = raw["owner"]
        return Written(OwnerRef(**owner) if owner is not None else None, raw["fields"])
