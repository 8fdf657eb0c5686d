"""What a record is in a row, and what both databases have alike."""

import json
import re
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from webhook.audit.store.opened import Store
from webhook.core.fields import each_text
from webhook.core.record import Record


def columns_of(record: Record) -> dict[str, Any]:
    """Return the columns that are a record's own."""
    ref, owner = record.object, record.owner
    texts = {
        "fingerprint": record.fingerprint,
        "kind": record.kind.value,
        "rule": record.rule,
        "action": record.action,
        "would": record.would,
        "namespace": ref.namespace or "",
        "object_kind": ref.kind,
        "object_name": ref.name or ref.generate_name or "",
        "owner_kind": owner.kind if owner is not None else "",
        "owner_name": owner.name if owner is not None else "",
        "workload": record.workload,
        "username": record.user,
    }
    # JSON escapes what no database takes, and PostgreSQL then finds it where it reads the JSON.
    written = json.dumps(each_text(record.as_json(), clean), sort_keys=True)
    return {name: clean(value) for name, value in texts.items()} | {"record": written}


def insert_into(store: Store, table: Table) -> Any:
    """Return the database's own INSERT, which knows what to do on a conflict; alike in both."""
    return postgresql.insert(table) if store.is_postgresql else sqlite.insert(table)


def milliseconds(seconds: float) -> int:
    """Return a time as the store has it."""
    return round(seconds * 1000)


def clean(text: str) -> str:
    """Replace what no database takes in a text: NUL, and halves of surrogate pairs."""
    return _NOT_TAKEN.sub(_REPLACEMENT, text)


_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_NOT_TAKEN: Final = re.compile("[\0\ud800-\udfff]")
