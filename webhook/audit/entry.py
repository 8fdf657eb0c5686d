"""What is kept of one record of one decision until it is delivered."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from webhook.core.record import Record, RecordKind


class Entry(NamedTuple):
    """A record as it travels, and by what it is found, folded and weighed."""

    fingerprint: str
    share: str
    """A namespace and a user; the fingerprint is of both, so all with one are of one share."""
    kind: RecordKind
    body: str
    """The record in JSON."""
    decision: str
    seen: float
    """Seconds since 1970."""


def entries_of(records: Iterable[Record], decision: str, seen: float) -> list[Entry]:
    """Write the records of a decision."""
    return [
        Entry(
            record.fingerprint,
            msgspec.json.encode((record.object.namespace, record.user)).decode(),
            record.kind,
            msgspec.json.encode(record.as_json()).decode(),
            decision,
            seen,
        )
        for record in records
    ]
