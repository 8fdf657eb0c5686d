"""Read findings from wherever they are: whole, or as they come."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final, Protocol

from webhook.audit.findings import MOST_AT_ONCE, Filters, Found, Page
from webhook.errors import ScaleguardError

# What is delivered later than this after it was decided is not followed: it is in the report.
LATE_SECONDS: Final = 300.0


class Reader(Protocol):
    """A store here, or a server elsewhere."""

    def findings(self, filters: Filters, limit: int, after: str | None = None) -> Page:
        """Return a page, newest first."""
        ...

    def decision(self, name: str) -> tuple[Found, ...]:
        """Return what was found in one decision; empty where it is not known."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def every(
    reader: Reader, filters: Filters, told: Callable[[int], None] = lambda _count: None
) -> Iterator[Found]:
    """Yield all findings, newest first; `told` hears how many were read."""
    after, count = None, 0
    while True:
        page = reader.findings(filters, MOST_AT_ONCE, after)
        count += len(page.findings)
        told(count)
        yield from page.findings
        after = page.next
        if after is None:
            return


def newest(
    reader: Reader,
    filters: Filters,
    limit: int,
    told: Callable[[int], None] = lambda _count: None,
) -> tuple[list[Found], bool]:
    """Return the newest findings, and whether there are more."""
    if limit < MOST_AT_ONCE:
        page = reader.findings(filters, limit)
        told(len(page.findings))
        return list(page.findings), page.next is not None
    found = list(islice(every(reader, filters, told), limit + 1))
    return found[:limit], len(found) > limit


def following(
    reader: Reader,
    filters: Filters,
    begin: list[Found],
    wait: Callable[[], bool],
    failed: Callable[[ScaleguardError], None],
) -> Iterator[list[Found]]:
    """Yield what is new or repeated since, oldest first, for as long as `wait` says so.

    Deliveries come late, and in any order: the last minutes are looked at each time. A look that
    fails is told to `failed`, and the next one makes up for it.
    """
    last = max((one.last_seen for one in begin), default=0.0)
    known = dict(map(_state, begin))

    def lately() -> list[Found]:
        since = max(filters.since or 0.0, last - LATE_SECONDS)
        return list(every(reader, replace(filters, since=since)))

    if begin:  # what was behind the limit of the beginning is not new either
        known = dict(_state(one) for one in lately() if one.last_seen <= last) | known
    while wait():
        try:
            fresh = [one for one in lately() if known.get(_state(one)[0]) != _state(one)[1]]
        except ScaleguardError as error:
            failed(error)
            continue
        if not fresh:
            continue
        known.update(map(_state, fresh))
        last = max(last, *(one.last_seen for one in fresh))
        known = {key: now for key, now in known.items() if now[0] >= last - LATE_SECONDS}
        yield fresh[::-1]


def _state(one: Found) -> tuple[tuple[str, str], tuple[float, int]]:
    """Say which finding it is, and what changes when it is made again."""
    return (one.cluster, one.fingerprint), (one.last_seen, one.count)
