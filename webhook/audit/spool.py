"""The spool: what is recorded waits here, on disk and within bounds, until it is delivered.

docs/decisions/0010 says why it is SQLite. Whatever goes wrong is counted, never raised.
"""

import heapq
import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from webhook.audit.entry import Entry
from webhook.audit.losses import Loss
from webhook.audit.recorder import Recorder
from webhook.audit.spool_file import DamageError, SpoolFile
from webhook.core.frozen import frozen

MIB: Final = 1024 * 1024

# What a row takes beside its body: keys, numbers and their entries in indexes.
_RECORD_BYTES: Final = 256
_DECISION_BYTES: Final = 160

# In one transaction, some milliseconds; who appends waits for it, but journals are there for most.
_FORGOTTEN_AT_ONCE: Final = 500

_TOTAL: Final = "SELECT rows, bytes FROM shares WHERE share = ''"
_SHARES_BY: Final = {
    "rows": "SELECT -rows, share FROM shares WHERE share != '' ORDER BY rows DESC LIMIT ?",
    "bytes": "SELECT -bytes, share FROM shares WHERE share != '' ORDER BY bytes DESC LIMIT ?",
}
_NEWEST: Final = "SELECT number, id FROM decisions WHERE share = ? ORDER BY number DESC LIMIT 1"
_OLDEST: Final = """SELECT number, id, seen, fingerprint FROM decisions
WHERE number NOT IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT ?"""
_GONE: Final = """DELETE FROM decisions WHERE number IN (SELECT value FROM json_each(?))
RETURNING fingerprint, share"""
_LAST: Final = """DELETE FROM records WHERE fingerprint IN (SELECT value FROM json_each(?))
AND NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.fingerprint = records.fingerprint)
RETURNING share, bytes"""

_WRONG: Final = (sqlite3.Error, OSError, DamageError)
"""What may be wrong with a file."""

_log = logging.getLogger("scaleguard.audit")


@frozen
class Bounds:
    """What a spool may hold."""

    rows: int = 200_000
    """Records and decisions together: repeats alone would reach it at 30 MB."""
    bytes: int = 64 * MIB


class Waiting(NamedTuple):
    """A record with those of its decisions that are to be delivered."""

    body: str
    """The record in JSON: it travels as it is."""
    decisions: tuple[tuple[str, float], ...]
    numbers: tuple[int, ...]
    """By which the spool knows these decisions; none where they are from a journal."""


class Filled(NamedTuple):
    """How much waits, and since when: the time of the oldest, None where nothing waits."""

    rows: int
    bytes: int
    oldest: float | None


class Spool:
    """Records that wait, in a file that several processes share."""

    def __init__(
        self,
        folder: Path,
        recorder: Recorder,
        bounds: Bounds = Bounds(),  # noqa: B008 - it is frozen
    ) -> None:
        self._file = SpoolFile(folder, bounds.bytes)
        self._bounds = bounds
        self._recorder = recorder
        self._told: set[int] = set()
        self._told_of = 0
        """The file that these numbers are of."""

    def append(self, entries: Sequence[Entry]) -> bool:
        """Keep the entries of one decision, counted where they are lost; whether they are there.

        Where there is no room, the newest of whoever has most gives way, which may be these.
        """
        try:
            given_way = self._put(entries)
        except _WRONG as error:
            self._lost(error, len(entries))
            return False
        return entries[0].decision not in given_way

    def take_in(self, entries: Sequence[Entry]) -> bool:
        """Keep entries of many decisions; where that cannot be, they are told again."""
        try:
            self._put(entries)
        except _WRONG as error:
            _log.warning("audit: the spool cannot be written: %s", error)
            return False
        return True

    def take(self, most: int, most_bytes: int = MIB) -> list[Waiting] | None:
        """Return the oldest decisions that nobody was told of, with their records, until `done`.

        None where the spool cannot be read.
        """
        try:
            with self._file.reading() as database:
                if self._told_of != self._file.read_number:
                    self._told, self._told_of = set(), self._file.read_number
                found = _take(database, self._told, most, most_bytes)
        except _WRONG as error:
            if not self._replaced(error):
                _log.warning("audit: the spool cannot be read: %s", error)
            return None
        if not found and self._told:
            self._leave()
        return found

    def done(self, delivered: Iterable[Waiting]) -> None:
        """Forget what was delivered. Where that cannot be written it is remembered until it can."""
        self._told.update(number for one in delivered for number in one.numbers)
        try:
            while self._told:
                some = list(islice(self._told, _FORGOTTEN_AT_ONCE))
                with self._file.transaction() as database:
                    # In a file that was begun meanwhile the same numbers are those of others.
                    if self._file.written_number == self._told_of:
                        _forget(database, some)
                self._told.difference_update(some)
        except _WRONG as error:
            if not self._replaced(error):
                _log.warning("audit: the spool cannot be written: %s", error)

    def _leave(self) -> None:
        """Begin a new file, since in this one nothing can be forgotten, and all of it was told."""
        self.done(())
        if self._told:
            with suppress(*_WRONG):
                self._file.leave(lambda database: not _take(database, self._told, 1, 1))

    def filled(self) -> Filled | None:
        """Say how much waits; None where that cannot be known."""
        try:
            with self._file.reading() as database:
                rows, size = database.execute(_TOTAL).fetchone()
                first = database.execute("SELECT seen FROM decisions ORDER BY number LIMIT 1")
                oldest = first.fetchone()
        except _WRONG as error:
            self._replaced(error)
            return None
        return Filled(rows, size, oldest[0] if oldest else None)

    def tidy(self) -> None:
        """Do what is to be done now and then, and not in an admission."""
        with suppress(*_WRONG):
            self._file.checkpoint()

    def close(self) -> None:
        """Close the file in this process."""
        self._file.close()

    def _put(self, entries: Sequence[Entry]) -> list[str]:
        """Write entries, into a new file where this one is damaged; return who gave way for it."""
        try:
            return self._write(entries)
        except _WRONG as error:
            if not self._replaced(error):
                raise
            return self._write(entries)

    def _write(self, entries: Sequence[Entry]) -> list[str]:
        with self._file.transaction() as database:
            folded = _insert(database, entries)
            given_way = self._make_room(database)
        if folded:
            self._recorder.folded(folded)
        if given_way:
            self._recorder.lost(Loss.FULL, len(given_way))
        return given_way

    def _make_room(self, database: sqlite3.Connection) -> list[str]:
        """Have the newest of the largest share give way until all is within its bounds."""
        return [
            *_given_way(database, "rows", self._bounds.rows, least=1),
            *_given_way(database, "bytes", self._bounds.bytes, least=_DECISION_BYTES),
        ]

    def _replaced(self, error: Exception) -> bool:
        replaced = self._file.replace(error)
        if replaced:
            self._recorder.lost(Loss.CORRUPT, 1)
            _log.error("audit: the spool is damaged and begun anew: %s", error)
        return replaced

    def _lost(self, error: Exception, count: int) -> None:
        is_busy = getattr(error, "sqlite_errorname", "").startswith(
            ("SQLITE_BUSY", "SQLITE_LOCKED")
        )
        self._recorder.lost(Loss.BUSY if is_busy else Loss.UNWRITABLE, count)
        _log.debug("audit: %d records are lost: %s", count, error)


def _insert(database: sqlite3.Connection, entries: Sequence[Entry]) -> int:
    """Write entries; return how many of those that are new repeat a record."""
    repeats = 0
    newest: dict[str, Entry] = {}
    weights: dict[str, list[int]] = {}
    for entry in entries:
        added = database.execute(
            "INSERT OR IGNORE INTO decisions (fingerprint, id, seen, share) VALUES (?, ?, ?, ?)",
            (entry.fingerprint, entry.decision, entry.seen, entry.share),
        )
        if added.rowcount:
            repeats += 1
            last = newest.setdefault(entry.fingerprint, entry)
            if last.seen <= entry.seen:
                newest[entry.fingerprint] = entry
            weight = weights.setdefault(entry.share, [0, 0])
            weight[0] += 1
            weight[1] += _DECISION_BYTES
    for entry in newest.values():
        before, seen = database.execute(
            "SELECT bytes, seen FROM records WHERE fingerprint = ?", (entry.fingerprint,)
        ).fetchone() or (0, entry.seen)
        if seen <= entry.seen:  # the newest is shown, in whatever order they come
            size = len(entry.body.encode()) + _RECORD_BYTES
            database.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)",
                (entry.fingerprint, entry.share, entry.kind, entry.seen, entry.body, size),
            )
            weights[entry.share][1] += size - before
        weights[entry.share][0] += not before
        repeats -= not before
    for share, (rows, size) in weights.items():
        _weigh(database, share, rows, size)
    return repeats


def _given_way(database: sqlite3.Connection, by: str, most: int, *, least: int) -> list[str]:
    """Forget decisions until there is no more than `most`, of which each is `least` at least.

    So many steps touch no more shares than that; all shares are looked through once.
    """
    column = ("rows", "bytes").index(by)
    excess = database.execute(_TOTAL).fetchone()[column] - most
    largest = database.execute(_SHARES_BY[by], (max(-(-excess // least), 0),)).fetchall()
    given_way: list[str] = []
    while excess > 0:
        size, share = largest[0] if largest else (0, "")
        newest = database.execute(_NEWEST, (share,)).fetchone()
        if newest is None:
            raise DamageError("what waits does not add up")
        freed = _forget(database, [newest[0]])[share][column]
        heapq.heapreplace(largest, (size + freed, share))
        excess -= freed
        given_way.append(newest[1])
    return given_way


def _weigh(database: sqlite3.Connection, share: str, rows: int, size: int) -> None:
    database.execute(
        "INSERT INTO shares VALUES (?1, ?2, ?3), ('', ?2, ?3) ON CONFLICT (share)"
        " DO UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes",
        (share, rows, size),
    )


def _forget(database: sqlite3.Connection, numbers: Sequence[int]) -> dict[str, list[int]]:
    """Forget decisions, and the records whose last ones they were; return rows and bytes of each.

    Those that gave way to others meanwhile are passed over.
    """
    freed: dict[str, list[int]] = {}
    told = set()
    for fingerprint, share in database.execute(_GONE, (json.dumps(numbers),)).fetchall():
        told.add(fingerprint)
        weight = freed.setdefault(share, [0, 0])
        weight[0] += 1
        weight[1] += _DECISION_BYTES
    for share, size in database.execute(_LAST, (json.dumps(list(told)),)).fetchall():
        freed[share][0] += 1
        freed[share][1] += size
    for share, (rows, size) in freed.items():
        _weigh(database, share, -rows, -size)
        database.execute("DELETE FROM shares WHERE share = ? AND rows <= 0", (share,))
    return freed


def _take(
    database: sqlite3.Connection, told: Iterable[int], most: int, most_bytes: int
) -> list[Waiting]:
    listed: dict[str, list[tuple[int, str, float]]] = {}
    bodies: dict[str, str] = {}
    size = 0
    rows = database.execute(_OLDEST, (json.dumps(list(told)), most)).fetchall()
    for number, decision, seen, fingerprint in rows:
        if fingerprint not in bodies:
            if bodies and size >= most_bytes:
                break
            record = database.execute(
                "SELECT body FROM records WHERE fingerprint = ?", (fingerprint,)
            ).fetchone()
            if record is None:
                raise DamageError("a record is gone, its decisions are there")
            bodies[fingerprint] = record[0]
            size += len(bodies[fingerprint])
        listed.setdefault(fingerprint, []).append((number, decision, seen))
    return [
        Waiting(
            bodies[fingerprint],
            tuple((decision, seen) for _, decision, seen in made),
            tuple(number for number, _, _ in made),
        )
        for fingerprint, made in listed.items()
    ]
