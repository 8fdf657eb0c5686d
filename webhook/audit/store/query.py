"""Read the store: the only way in which views do. All that a user gives is a bound parameter."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select, tuple_

from webhook.audit.findings import MOST_AT_ONCE, BadCursorError, Filters, Found, Page, Total
from webhook.audit.store.errors import asked
from webhook.audit.store.opened import Store
from webhook.audit.store.rows import clean, milliseconds
from webhook.audit.store.searching import contains
from webhook.audit.store.tables import DECISIONS, FINDINGS
from webhook.core.record import RecordKind

_SECONDS_OF_A_DAY: Final = 86_400
_MOST_TOTALS: Final = 10_000


SHOWN: Final = tuple(
    FINDINGS.c[name]
    for name in (
        *("cluster", "replica", "fingerprint", "count", "first_seen", "last_seen"),
        *("last_decision", "record", "resolved", "id"),
    )
)


def findings(store: Store, filters: Filters, limit: int = 100, after: str | None = None) -> Page:
    """Return the newest findings, or those behind a page.

    Raises `StoreUnavailableError`, and `BadCursorError`.
    """
    limit = max(1, min(limit, MOST_AT_ONCE))
    where = [*_conditions(filters)]
    if after is not None:
        where.append(tuple_(FINDINGS.c.last_seen, FINDINGS.c.id) < tuple_(*_cursor(after)))
    newest = (FINDINGS.c.last_seen.desc(), FINDINGS.c.id.desc())
    rows = read(store, select(*SHOWN).where(*where).order_by(*newest).limit(limit + 1))
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    following = f"{last['last_seen']}.{last['id']}" if last is not None else None
    return Page(tuple(found(row) for row in rows[:limit]), following)


def decision(store: Store, name: str) -> tuple[Found, ...]:
    """Return what was found in one decision, as its newest repeat says it; empty: not known.

    Raises `StoreUnavailableError`.
    """
    return findings(store, Filters(decision=name), MOST_AT_ONCE).findings


def totals(store: Store, filters: Filters, by: Total) -> dict[str, int]:
    """Count decisions by rule or namespace, most first, or by day (UTC), in their order.

    Within `since` and `until` each decision counts by its own time. Raises `StoreUnavailableError`.
    """
    count = func.count().label("decisions")
    day = DECISIONS.c.seen // (_SECONDS_OF_A_DAY * 1000)
    keys: dict[Total, ColumnElement[Any]] = {
        Total.RULE: FINDINGS.c.rule,
        Total.NAMESPACE: FINDINGS.c.namespace,
        Total.DAY: day,
    }
    key = keys[by]
    order = key if by is Total.DAY else count.desc()
    within = [*_conditions(filters), *_within(filters)]
    counted = select(key.label("key"), count).select_from(FINDINGS.join(DECISIONS))
    counted = counted.where(*within).group_by(key).order_by(order, key)
    rows = read(store, counted.limit(_MOST_TOTALS))
    name = _date if by is Total.DAY else str
    return {name(row["key"]): row["decisions"] for row in rows}


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.since is not None:
        yield FINDINGS.c.last_seen >= milliseconds(filters.since)
    if filters.until is not None:
        yield FINDINGS.c.first_seen < milliseconds(filters.until)
    equal = {
        "cluster": filters.cluster,
        "namespace": filters.namespace,
        "rule": filters.rule,
        "kind": filters.kind,
        "action": filters.action,
        "username": filters.user,
        "would": "deny" if filters.would_deny else None,
    }
    for name, value in equal.items():
        if value is not None:
            yield FINDINGS.c[name] == clean(value)
    if filters.workload is not None:
        yield _workload(clean(filters.workload))
    if filters.decision is not None:
        mine = select(DECISIONS.c.finding).where(DECISIONS.c.decision == clean(filters.decision))
        yield FINDINGS.c.id.in_(mine)
    for word in clean(filters.q or "").split():
        yield contains(word)
    yield from _standing(filters)


def _standing(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.open is not None:
        resolved = FINDINGS.c.resolved
        yield resolved.is_(None) if filters.open else resolved.is_not(None)
        yield FINDINGS.c.kind == RecordKind.SCAN.value


def _workload(name: str) -> ColumnElement[bool]:
    ends = FINDINGS.c.workload.endswith(f" {name}", autoescape=True)
    return or_(FINDINGS.c.object_name == name, FINDINGS.c.owner_name == name, ends)


def _within(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.since is not None:
        yield DECISIONS.c.seen >= milliseconds(filters.since)
    if filters.until is not None:
        yield DECISIONS.c.seen < milliseconds(filters.until)


def _cursor(after: str) -> tuple[int, int]:
    seen, _, number = after.partition(".")
    if not (_is_number(seen) and _is_number(number)):
        raise BadCursorError("after is nothing that a page said under next")
    return int(seen), int(number)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


_MOST_DIGITS: Final = 18
"""All numbers of so many digits fit into 64 bits."""


def read(store: Store, wanted: Select[Any]) -> Sequence[RowMapping]:
    """Ask a store; raises `StoreUnavailableError`."""

    def ask() -> Sequence[RowMapping]:
        with store.reading() as connection:
            return connection.execute(wanted).mappings().all()

    return asked(ask)


def found(row: RowMapping) -> Found:
    """Read a finding of the columns `SHOWN`."""
    return Found(
        row["cluster"],
        row["replica"],
        row["fingerprint"],
        row["count"],
        row["first_seen"] / 1000,
        row["last_seen"] / 1000,
        row["last_decision"],
        json.loads(row["record"]),
        row["resolved"] / 1000 if row["resolved"] is not None else None,
    )


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * _SECONDS_OF_A_DAY, UTC).date().isoformat()
