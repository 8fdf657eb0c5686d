"""Take in how things stand: each workload's standing replaces the one before it, as a whole."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, case, delete, select, update

from webhook.audit.stood import Telling
from webhook.audit.store.errors import asked
from webhook.audit.store.opened import Store
from webhook.audit.store.rows import clean, columns_of, insert_into, milliseconds
from webhook.audit.store.tables import DECISIONS, FINDINGS, STANDINGS
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.frozen import frozen
from webhook.core.record import Record, RecordKind
from webhook.core.standing import Standing

_KEY: Final = tuple(
    STANDINGS.c[name] for name in ("cluster", "namespace", "api_group", "kind", "name")
)

# PostgreSQL takes 65,535 parameters in a statement.
_NAMES_AT_ONCE: Final = 1000


@frozen
class Stood:
    """What became of what was told."""

    taken: int
    """Standings that counted: those that are not older than what is kept."""
    appeared: int
    """Findings that are new, or came back."""
    over: int
    """Findings that are no more."""
    older: int = 0
    """Standings that did not count."""


def take_standings(store: Store, telling: Telling) -> Stood:
    """Take in what was told, all of it or nothing; raises `StoreUnavailableError`."""
    told = {standing_name(one.workload): one for one in telling.standings}
    return asked(lambda: _taken(store, telling, dict(sorted(told.items()))))


def standing_name(key: WorkloadKey) -> str:
    """Name a workload as findings name the one that they stand at."""
    return clean(f"{key.namespace}/{key.group}/{key.kind}/{key.name}")


def _taken(store: Store, telling: Telling, told: Mapping[str, Standing]) -> Stood:
    at = milliseconds(telling.at)
    with store.writing() as connection:
        counted = _put(connection, store, telling, told)
        rows = _rows(telling, {name: told[name] for name in counted})
        before = _kept(connection, telling.cluster, counted)
        appeared = _found(connection, store, rows, at)
        gone = [number for number, fingerprint in before if fingerprint not in rows]
        if telling.pass_began is not None:
            gone += _swept(connection, telling, milliseconds(telling.pass_began))
        for part in _parts(gone):
            over = update(FINDINGS).where(FINDINGS.c.id.in_(part))
            connection.execute(over.values(resolved=at, last_seen=at))
    return Stood(len(counted), appeared, len(gone), len(told) - len(counted))


def _put(
    connection: Connection, store: Store, telling: Telling, told: Mapping[str, Standing]
) -> list[str]:
    """Write the standings that are not older than those kept; return their names."""
    if not told:
        return []
    rows = [_standing(telling, one) for one in told.values()]
    insert = insert_into(store, STANDINGS)
    fresh = {name: insert.excluded[name] for name in ("seen", "meetings", "document")}
    put = insert.on_conflict_do_update(
        index_elements=_KEY, set_=fresh, where=STANDINGS.c.seen <= insert.excluded.seen
    ).returning(*_KEY)
    written = {tuple(row[1:]) for row in connection.execute(put, rows)}
    return [
        name
        for name, row in zip(told, rows, strict=True)
        if tuple(row[column.name] for column in _KEY[1:]) in written
    ]


def _standing(telling: Telling, one: Standing) -> dict[str, Any]:
    key, document = one.workload, ""
    if not one.is_empty:
        document = json.dumps(one.who_scales, sort_keys=True)
    meetings = one.who_scales.get("meet") if one.who_scales is not None else None
    texts = {
        "cluster": telling.cluster,
        "namespace": key.namespace,
        "api_group": key.group,
        "kind": key.kind,
        "name": key.name,
        "document": document,
    }
    numbers = {
        "seen": milliseconds(telling.at),
        "meetings": len(meetings) if isinstance(meetings, list) else 0,
    }
    return {name: clean(value) for name, value in texts.items()} | numbers


def _rows(telling: Telling, standings: Mapping[str, Standing]) -> dict[str, dict[str, Any]]:
    """Return the rows of findings by fingerprint, in that order: as who delivers records does."""
    rows: dict[str, dict[str, Any]] = {}
    for name, one in standings.items():
        for record in one.records:
            row = _row(telling, name, record)
            rows[row["fingerprint"]] = row
    return dict(sorted(rows.items()))


def _row(telling: Telling, standing: str, record: Record) -> dict[str, Any]:
    """Say a finding as a row; the same one at two workloads is two."""
    same = f"{standing}\0{record.fingerprint}"
    fingerprint = hashlib.sha256(same.encode(errors="replace")).hexdigest()[:32]
    at = milliseconds(telling.at)
    own = {
        "fingerprint": fingerprint,
        "kind": RecordKind.SCAN.value,
        "cluster": clean(telling.cluster),
        "replica": clean(telling.replica),
        "standing": standing,
        "last_decision": f"scan-{fingerprint[:12]}",
        "count": 1,
        "first_seen": at,
        "last_seen": at,
    }
    return columns_of(record) | own


def _kept(connection: Connection, cluster: str, names: Sequence[str]) -> list[tuple[int, str]]:
    """Return the findings that stand at some workloads until now: number and fingerprint."""
    found: list[tuple[int, str]] = []
    for part in _parts(names):
        open_ = select(FINDINGS.c.id, FINDINGS.c.fingerprint).where(
            FINDINGS.c.cluster == clean(cluster),
            FINDINGS.c.standing.in_(part),
            FINDINGS.c.resolved.is_(None),
        )
        found += [(row.id, row.fingerprint) for row in connection.execute(open_)]
    return found


def _found(
    connection: Connection, store: Store, rows: Mapping[str, dict[str, Any]], at: int
) -> int:
    """Write what was found, and count what is new or came back."""
    if not rows:
        return 0
    insert = insert_into(store, FINDINGS)
    was_over = FINDINGS.c.resolved.is_not(None)
    newest = {
        name: insert.excluded[name]
        for name in ("action", "would", "replica", "last_decision", "record", "last_seen")
    }
    again = {
        "count": FINDINGS.c.count + case((was_over, 1), else_=0),
        "first_seen": case((was_over, insert.excluded.first_seen), else_=FINDINGS.c.first_seen),
        "resolved": None,
    }
    put = insert.on_conflict_do_update(
        index_elements=[FINDINGS.c.cluster, FINDINGS.c.fingerprint], set_=newest | again
    ).returning(*(FINDINGS.c[name] for name in ("id", "fingerprint", "first_seen")))
    put_ = connection.execute(put, list(rows.values())).all()
    decisions = [
        {"decision": rows[one.fingerprint]["last_decision"], "finding": one.id, "seen": at}
        for one in put_
    ]
    tell = insert_into(store, DECISIONS)
    connection.execute(
        tell.on_conflict_do_update(
            index_elements=[DECISIONS.c.decision, DECISIONS.c.finding],
            set_={"seen": tell.excluded.seen},
        ),
        decisions,
    )
    return sum(one.first_seen == at for one in put_)


def _swept(connection: Connection, telling: Telling, began: int) -> list[int]:
    """Forget what a whole pass did not tell of; return the findings that are over with it."""
    cluster = clean(telling.cluster)
    # What is empty by now had its findings ended when it was told.
    untold = and_(STANDINGS.c.cluster == cluster, STANDINGS.c.seen < began)
    connection.execute(delete(STANDINGS).where(untold))
    left = select(FINDINGS.c.id).where(
        FINDINGS.c.cluster == cluster,
        FINDINGS.c.kind == RecordKind.SCAN.value,
        FINDINGS.c.resolved.is_(None),
        FINDINGS.c.last_seen < began,
    )
    return list(connection.execute(left).scalars())


def _parts(listed: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for begin in range(0, len(listed), _NAMES_AT_ONCE):
        yield listed[begin : begin + _NAMES_AT_ONCE]
