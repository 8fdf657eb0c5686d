"""Forget what is old: by age, and by how many rows there may be."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, tuple_

from webhook.audit.store.errors import asked
from webhook.audit.store.opened import Store
from webhook.audit.store.tables import DECISIONS, FINDINGS, STANDINGS
from webhook.core.frozen import frozen
from webhook.core.record import RecordKind

# Some milliseconds of work: who delivers meanwhile waits no longer than that.
_ROWS_AT_ONCE: Final = 1000


_STANDS: Final = exists().where(
    and_(
        FINDINGS.c.id == DECISIONS.c.finding,
        FINDINGS.c.kind == RecordKind.SCAN.value,
        FINDINGS.c.resolved.is_(None),
    )
)


@frozen
class Retention:
    """What is kept: decisions that are not older, and not more of them; None: all."""

    seconds: float | None = None
    rows: int | None = None


@frozen
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
    were. How things stand goes by age alone: it is told again twice a day, and however much is
    refused in between does not end it. Raises `StoreUnavailableError`.
    """
    aged = by_rows = findings = 0
    if retention.seconds is not None:
        since = round((now_seconds - retention.seconds) * 1000)
        old = DECISIONS.c.seen < since
        while go_on() and (gone := _forget_oldest(store, old, _ROWS_AT_ONCE)):
            aged += gone
        while go_on() and _forget_standings(store, since):
            pass
    if retention.rows is not None:
        left = decisions(store) - retention.rows
        while left > by_rows and go_on():
            gone = _forget_oldest(store, ~_STANDS, min(_ROWS_AT_ONCE, left - by_rows))
            by_rows += gone
            if not gone:
                break  # another replica was quicker, or what is left stands
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


def _forget_standings(store: Store, since: int) -> int:
    """Delete what nobody told of since: a whole cluster may be no more. Say how many."""
    old = select(STANDINGS.c.id).where(STANDINGS.c.seen < since).limit(_ROWS_AT_ONCE)
    chosen = old.with_for_update(skip_locked=True)

    def attempt() -> int:
        with store.writing() as connection:
            return connection.execute(delete(STANDINGS).where(STANDINGS.c.id.in_(chosen))).rowcount

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
