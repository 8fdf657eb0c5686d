"""Read how things stand: the map of who scales what, with what rules say of it."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, select, tuple_

from webhook.audit.findings import MOST_AT_ONCE, BadCursorError, Found
from webhook.audit.stood import Asked, Kept, StandingsPage
from webhook.audit.store.opened import Store
from webhook.audit.store.query import SHOWN, found, read
from webhook.audit.store.rows import clean
from webhook.audit.store.standing import standing_name
from webhook.audit.store.tables import FINDINGS, STANDINGS
from webhook.core.autoscalers.target import WorkloadKey

_ORDER: Final = (STANDINGS.c.namespace, STANDINGS.c.name, STANDINGS.c.id)


def standings(
    store: Store, wanted: Asked, limit: int = 100, after: str | None = None
) -> StandingsPage:
    """Return workloads by namespace and name, or those behind a page.

    Raises `StoreUnavailableError`, and `BadCursorError`.
    """
    limit = max(1, min(limit, MOST_AT_ONCE))
    where = [*_conditions(wanted)]
    if after is not None:
        where.append(tuple_(*_ORDER) > tuple_(*_cursor(after)))
    rows = read(store, select(STANDINGS).where(*where).order_by(*_ORDER).limit(limit + 1))
    more = len(rows) > limit
    shown = rows[:limit]
    told = _told(store, shown)
    kept = tuple(_kept(row, told.get(_place(row), ())) for row in shown)
    return StandingsPage(kept, _next(shown[-1]) if more else None)


def _conditions(wanted: Asked) -> Iterator[ColumnElement[bool]]:
    yield STANDINGS.c.document != ""
    equal = {"cluster": wanted.cluster, "namespace": wanted.namespace, "name": wanted.workload}
    for name, value in equal.items():
        if value is not None:
            yield STANDINGS.c[name] == clean(value)
    if wanted.conflicts:
        yield STANDINGS.c.meetings > 0


def _told(store: Store, rows: Sequence[RowMapping]) -> dict[tuple[str, str], list[Found]]:
    """Return what stands at some workloads, in the order of objects."""
    places = {_place(row) for row in rows}
    open_ = select(*SHOWN, FINDINGS.c.standing).where(
        FINDINGS.c.cluster.in_({cluster for cluster, _ in places}),  # the index begins with it
        FINDINGS.c.standing.in_({name for _, name in places}),
        FINDINGS.c.resolved.is_(None),
    )
    by_object = open_.order_by(FINDINGS.c.object_kind, FINDINGS.c.object_name, FINDINGS.c.rule)
    told: dict[tuple[str, str], list[Found]] = {}
    for row in read(store, by_object) if places else ():
        told.setdefault((row["cluster"], row["standing"]), []).append(found(row))
    return told


def _place(row: RowMapping) -> tuple[str, str]:
    return row["cluster"], standing_name(_key(row))


def _key(row: RowMapping) -> WorkloadKey:
    return WorkloadKey(row["namespace"], row["api_group"], row["kind"], row["name"])


def _kept(row: RowMapping, told: Iterable[Found]) -> Kept:
    return Kept(
        row["cluster"], row["seen"] / 1000, _key(row), json.loads(row["document"]), tuple(told)
    )


def _next(row: RowMapping) -> str:
    place = [row[column.name] for column in _ORDER]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _cursor(after: str) -> tuple[Any, ...]:
    try:
        place = json.loads(base64.urlsafe_b64decode(after.encode()))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadCursorError(_NO_CURSOR) from error
    match place:
        case [str(namespace), str(name), int(number)] if 0 <= number < _NUMBERS:
            return clean(namespace), clean(name), int(number)
    raise BadCursorError(_NO_CURSOR)


_NUMBERS: Final = 2**63
_NO_CURSOR: Final = "after is nothing that a page said under next"
