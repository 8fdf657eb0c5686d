"""Forget what is old: by age, and by how many rows there may be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, func, select, true, tuple_

from webhook.audit.store.errors import asked
from webhook.audit.store.opened import Store
from webhook.audit.store.tables import DECISIONS, FINDINGS

# Some milliseconds of work: who delivers meanwhile waits no longer than that.
_ROWS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept: decisions that are not older, and not more of them; None: all."""

    seconds: float | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was forgotten."""

    decisions_by_age: int = 0
    decisions_by_rows: int = 0
    findings: int = 0


def forget(
    store: Store,
    retention: Retention,
    now_seconds: float,
    go_on: Callable[[], bool] = lambda: True,
) -> Forgotten:
    """Forget what is not to be kept, in batches, for as long as `go_on` says so.

    A finding goes with the last of its decisions; until then its count tells of all there ever
    were. Raises `StoreUnavailableError`.
    """
    aged = by_rows = findings = 0
    if retention.seconds is not None:
        old = DECISIONS.c.seen < round((now_seconds - retention.seconds) * 1000)
        while go_on() and (gone := _forget_oldest(store, old, _ROWS_AT_ONCE)):
            aged += gone
    if retention.rows is not None:
        left = decisions(store) - retention.rows
        while left > by_rows and go_on():
            gone = _forget_oldest(store, true(), min(_ROWS_AT_ONCE, left - by_rows))
            by_rows += gone
            if not gone:
                break  # another replica was quicker
    while go_on() and (gone := _forget_empty(store)):
        findings += gone
    return Forgotten(aged, by_rows, findings)


def decisions(store: Store) -> int:
    """Count all decisions; raises `StoreUnavailableError`."""

    def count() -> int:
        with store.reading() as connection:
            return connection.execute(select(func.count()).select_from(DECISIONS)).scalar_one()

    return asked(count)


def _forget_oldest(store: Store, which: ColumnElement[bool], most: int) -> int:
    """Delete the oldest decisions of some, and say how many; a transaction of its own.

    Who delivers locks findings before decisions: both in one transaction, the other way round,
    would wait for each other.
    """
    key = DECISIONS.c.decision, DECISIONS.c.finding
    oldest = select(*key).where(which).order_by(DECISIONS.c.seen).limit(most)
    # Replicas that forget at the same time pass over each other's rows.
    chosen = oldest.with_for_update(skip_locked=True)

    def attempt() -> int:
        with store.writing() as connection:
            return connection.execute(delete(DECISIONS).where(tuple_(*key).in_(chosen))).rowcount

    return asked(attempt)


def _forget_empty(store: Store) -> int:
    """Delete findings without decisions, and say how many.

    They are locked first and looked at again: somebody may have delivered in between.
    """
    empty = ~exists().where(DECISIONS.c.finding == FINDINGS.c.id)
    candidates = select(FINDINGS.c.id).where(empty).limit(_ROWS_AT_ONCE)

    def attempt() -> int:
        with store.writing() as connection:
            locked = (
                connection.execute(candidates.with_for_update(skip_locked=True)).scalars().all()
            )
            gone = delete(FINDINGS).where(FINDINGS.c.id.in_(locked), empty)
            return connection.execute(gone).rowcount

    return asked(attempt)
