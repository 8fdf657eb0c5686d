"""What a record is in a row, and what both databases have alike."""

import json
import re
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from webhook.audit.store.opened import Store
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
    written = json.dumps(_cleaned(record.as_json()), sort_keys=True)
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


def _cleaned(value: Any) -> Any:
    """Clean every text of a JSON value, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(member) for key, member in value.items()}
    return [_cleaned(member) for member in value] if isinstance(value, list) else value


_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_NOT_TAKEN: Final = re.compile("[\0\ud800-\udfff]")
