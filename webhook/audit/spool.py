"""The spool: what is recorded waits here, on disk and within bounds, until it is delivered.

docs/decisions/0010 says why it is SQLite. Whatever goes wrong is counted, never raised.
"""

import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from webhook.audit.entry import Entry
from webhook.audit.losses import Loss
from webhook.audit.recorder import Recorder
from webhook.audit.spool_file import SpoolFile

MIB: Final = 1024 * 1024

# What a row takes beside its body: keys, numbers and their entries in indexes.
_RECORD_BYTES: Final = 256
_DECISION_BYTES: Final = 160

# In one transaction, some milliseconds; who appends waits for it, but journals are there for most.
_FORGOTTEN_AT_ONCE: Final = 500

_TOTAL: Final = "SELECT rows, bytes FROM shares WHERE share = ''"
_NEWEST: Final = """SELECT number, id FROM decisions WHERE share =
(SELECT share FROM shares WHERE share != '' ORDER BY {by} DESC LIMIT 1)
ORDER BY number DESC LIMIT 1"""
_GONE: Final = """DELETE FROM decisions WHERE number IN (SELECT value FROM json_each(?))
RETURNING fingerprint, share"""
_LAST: Final = """DELETE FROM records WHERE fingerprint IN (SELECT value FROM json_each(?))
AND NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.fingerprint = records.fingerprint)
RETURNING share, bytes"""

_log = logging.getLogger("scaleguard.audit")


@dataclass(frozen=True, slots=True)
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

    def __init__(self, folder: Path, recorder: Recorder, bounds: Bounds = Bounds()) -> None:
        self.folder = folder
        self._file = SpoolFile(folder, bounds.bytes)
        self._bounds = bounds
        self._recorder = recorder

    def append(self, entries: Sequence[Entry]) -> bool:
        """Keep the entries of one decision, counted where they are lost; whether they are there.

        Where there is no room, the newest of whoever has most gives way, which may be these.
        """
        try:
            given_way = self._put(entries)
        except (sqlite3.Error, OSError) as error:
            self._lost(error, len(entries))
            return False
        return entries[0].decision not in given_way

    def take_in(self, entries: Sequence[Entry]) -> bool:
        """Keep entries of many decisions; where that cannot be, they are told again."""
        try:
            self._put(entries)
        except (sqlite3.Error, OSError) as error:
            _log.warning("audit: the spool cannot be written: %s", error)
            return False
        return True

    def take(self, most: int, most_bytes: int = MIB) -> list[Waiting]:
        """Return the oldest decisions with their records; they stay until `done`."""
        try:
            with self._file.reading() as database:
                return _take(database, most, most_bytes)
        except (sqlite3.Error, OSError) as error:
            if not self._replaced(error):
                _log.warning("audit: the spool cannot be read: %s", error)
            return []

    def done(self, delivered: Iterable[Waiting]) -> bool:
        """Forget what was delivered; what was not is taken again. Whether that could be written."""
        numbers = [number for one in delivered for number in one.numbers]
        try:
            for first in range(0, len(numbers), _FORGOTTEN_AT_ONCE):
                with self._file.transaction() as database:
                    _forget(database, numbers[first : first + _FORGOTTEN_AT_ONCE])
        except (sqlite3.Error, OSError) as error:
            if not self._replaced(error):
                _log.warning("audit: the spool cannot be written: %s", error)
            return False
        return True

    def filled(self) -> Filled | None:
        """Say how much waits; None where that cannot be known."""
        try:
            with self._file.reading() as database:
                rows, size = database.execute(_TOTAL).fetchone()
                first = database.execute("SELECT seen FROM decisions ORDER BY number LIMIT 1")
                oldest = first.fetchone()
        except (sqlite3.Error, OSError) as error:
            self._replaced(error)
            return None
        return Filled(rows, size, oldest[0] if oldest else None)

    def tidy(self) -> None:
        """Do what is to be done now and then, and not in an admission."""
        with suppress(sqlite3.Error, OSError):
            self._file.checkpoint()

    def close(self) -> None:
        """Close the file in this process."""
        self._file.close()

    def _put(self, entries: Sequence[Entry]) -> list[str]:
        """Write entries, into a new file where this one is damaged; return who gave way for it."""
        try:
            return self._write(entries)
        except (sqlite3.Error, OSError) as error:
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
        given_way: list[str] = []
        while (by := self._exceeded(database)) is not None:
            newest = database.execute(by).fetchone()
            _forget(database, [newest[0]])
            given_way.append(newest[1])
        return given_way

    def _exceeded(self, database: sqlite3.Connection) -> str | None:
        """Return what finds the newest of who has most of that of which there is too much."""
        rows, size = database.execute(_TOTAL).fetchone()
        if rows > self._bounds.rows:
            return _NEWEST.format(by="rows")
        return _NEWEST.format(by="bytes") if size > self._bounds.bytes else None

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


def _weigh(database: sqlite3.Connection, share: str, rows: int, size: int) -> None:
    database.execute(
        "INSERT INTO shares VALUES (?1, ?2, ?3), ('', ?2, ?3) ON CONFLICT (share)"
        " DO UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes",
        (share, rows, size),
    )


def _forget(database: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Forget decisions, and the records whose last ones they were.

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


def _take(database: sqlite3.Connection, most: int, most_bytes: int) -> list[Waiting]:
    listed: dict[str, list[tuple[int, str, float]]] = {}
    bodies: dict[str, str] = {}
    size = 0
    rows = database.execute(
        "SELECT number, id, seen, fingerprint FROM decisions ORDER BY number LIMIT ?", (most,)
    ).fetchall()
    for number, decision, seen, fingerprint in rows:
        if fingerprint not in bodies:
            if bodies and size >= most_bytes:
                break
            (bodies[fingerprint],) = database.execute(
                "SELECT body FROM records WHERE fingerprint = ?", (fingerprint,)
            ).fetchone()
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
