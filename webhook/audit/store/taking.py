"""Take in what is delivered: each decision once, however often and in whatever order it comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, update

from webhook.audit.delivered import Delivered, Delivery
from webhook.audit.store.errors import asked
from webhook.audit.store.opened import Store
from webhook.audit.store.rows import clean, columns_of, insert_into, milliseconds
from webhook.audit.store.tables import DECISIONS, FINDINGS
from webhook.core.frozen import frozen

_NEWEST: Final = ("replica", "last_decision", "record")


@frozen
class Taken:
    """What became of a delivery."""

    new: int
    """Decisions that were not known yet."""
    repeated: int


@dataclass(slots=True)
class _Told:
    """What a delivery says of one finding: its row, and its decisions with their times."""

    row: dict[str, Any]
    decisions: dict[str, int]


def take_in(store: Store, delivery: Delivery) -> Taken:
    """Take a delivery in, all of it or nothing; raises `StoreUnavailableError`."""
    told = _by_fingerprint(delivery)
    if not told:
        return Taken(0, 0)
    return asked(lambda: _taken(store, told))


def _taken(store: Store, told: Mapping[str, _Told]) -> Taken:
    with store.writing() as connection:
        before = _present(connection, store, [one.row for one in told.values()])
        new = _new_decisions(connection, store, told, before)
        changes = [
            change
            for fingerprint, one in told.items()
            if (change := _change(one, before[fingerprint], new.get(before[fingerprint]["id"], ())))
        ]
        if changes:
            connection.execute(_UPDATE, changes)
    count = sum(map(len, new.values()))
    return Taken(count, sum(len(one.decisions) for one in told.values()) - count)


def _by_fingerprint(delivery: Delivery) -> dict[str, _Told]:
    """Join what is told of one finding, in the order of fingerprints.

    Two writers that lock their rows in the same order never wait for each other.
    """
    told: dict[str, _Told] = {}
    for one in delivery.records:
        row = _row(delivery, one)
        decisions = {clean(name): milliseconds(seconds) for name, seconds in one.decisions}
        known = told.setdefault(row["fingerprint"], _Told(row, {}))
        known.decisions.update(decisions)
        if _age(row) > _age(known.row):
            known.row = row
    return dict(sorted(told.items()))


def _row(delivery: Delivery, one: Delivered) -> dict[str, Any]:
    seen, last = max((seconds, name) for name, seconds in one.decisions)
    at = milliseconds(seen)
    texts = {"cluster": delivery.cluster, "replica": delivery.replica, "last_decision": last}
    own = {name: clean(value) for name, value in texts.items()}
    return columns_of(one.record) | own | {"count": 0, "first_seen": at, "last_seen": at}


def _present(
    connection: Connection, store: Store, rows: Sequence[dict[str, Any]]
) -> dict[str, RowMapping]:
    """Make the rows that are not there, lock those that are, and return all by fingerprint."""
    insert = insert_into(store, FINDINGS)
    there = insert.on_conflict_do_update(
        index_elements=[FINDINGS.c.cluster, FINDINGS.c.fingerprint],
        set_={"cluster": insert.excluded.cluster},  # changes nothing, and locks the row
    ).returning(
        *(FINDINGS.c[name] for name in ("fingerprint", "id", "first_seen", "last_seen")),
        *(FINDINGS.c[name] for name in _NEWEST),
    )
    return {row["fingerprint"]: row for row in connection.execute(there, rows).mappings()}


def _new_decisions(
    connection: Connection,
    store: Store,
    told: Mapping[str, _Told],
    before: Mapping[str, RowMapping],
) -> dict[int, list[int]]:
    """Insert the decisions that are not known yet; return their times, by finding."""
    rows = [
        {"decision": name, "finding": before[fingerprint]["id"], "seen": seen}
        for fingerprint, one in told.items()
        for name, seen in sorted(one.decisions.items())
    ]
    insert = insert_into(store, DECISIONS).on_conflict_do_nothing()
    new: dict[int, list[int]] = {}
    for row in connection.execute(insert.returning(DECISIONS.c.finding, DECISIONS.c.seen), rows):
        new.setdefault(row.finding, []).append(row.seen)
    return new


_UPDATE: Final = (
    update(FINDINGS)
    .where(FINDINGS.c.id == bindparam("_id"))
    .values(count=FINDINGS.c.count + bindparam("_new"))
    .values({name: bindparam(f"_{name}") for name in ("first_seen", "last_seen", *_NEWEST)})
)


def _change(told: _Told, before: RowMapping, new: Sequence[int]) -> dict[str, Any] | None:
    """Say what a row is to become; None where it stays what it is."""
    first = min([before["first_seen"], *new])
    stays = _age(before) >= _age(told.row)
    if stays and not new:
        return None
    newest = before if stays else told.row
    return {
        "_id": before["id"],
        "_new": len(new),
        "_first_seen": first,
        "_last_seen": newest["last_seen"],
        **{f"_{name}": newest[name] for name in _NEWEST},
    }


def _age(row: Mapping[str, Any] | RowMapping) -> tuple[int, str, str, str]:
    """Compare by this which of two is newer: whichever comes first, the same one is kept."""
    return row["last_seen"], row["last_decision"], row["record"], row["replica"]
