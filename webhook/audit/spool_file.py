"""The file of a spool: SQLite, shared by processes, replaced where it is damaged."""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

# Whoever writes is done within a millisecond; a process that was paused meanwhile may take longer.
# An admission waits as long for its turn among the threads of its process, and once more for other
# processes, in the worst case, and has 3 s.
BUSY_SECONDS: Final = 0.2

# A folder that cannot be written is not tried for each admission.
_RETRY_SECONDS: Final = 1.0

_PAGE_BYTES: Final = 4096

# What was written is moved into the file behind the back of those who write (`checkpoint`): in an
# admission it would take a millisecond or two. So much may wait for that, then it is moved there.
_MOST_UNMOVED_PAGES: Final = 4000

# Bytes of the file for each byte of records: indexes, and pages that are not full.
_FILE_FOR_BYTES: Final = 4

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    fingerprint TEXT PRIMARY KEY, share TEXT NOT NULL, kind TEXT NOT NULL,
    seen REAL NOT NULL, body TEXT NOT NULL, bytes INTEGER NOT NULL
) WITHOUT ROWID;
-- AUTOINCREMENT: a number is never given twice, so that what was delivered and what came later
-- cannot be mistaken for each other.
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, id TEXT NOT NULL,
    seen REAL NOT NULL, share TEXT NOT NULL, UNIQUE (fingerprint, id)
);
CREATE INDEX IF NOT EXISTS decisions_by_share ON decisions (share, number);
-- The share without a name is all of them together. No index: the largest is sought only where the
-- spool is full, and a write is what its pages cost.
CREATE TABLE IF NOT EXISTS shares (
    share TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO shares VALUES ('', 0, 0);
"""


class DamageError(Exception):
    """What is in the file cannot be what was written."""


class BusyError(sqlite3.OperationalError):
    """Another thread of this process writes for too long."""

    sqlite_errorname = "SQLITE_BUSY"


class SpoolFile:
    """Two connections for each process: one that writes, and one that reads meanwhile.

    Threads of a process take turns: SQLite lets one write at a time anyway. Nothing of it survives
    a fork: a connection that is closed in the child ends the parent's locks.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_pages = most_bytes * _FILE_FOR_BYTES // _PAGE_BYTES
        self._turn = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._reading = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._read = 0  # which file the reader reads
        self._number = 0
        self._inode = 0
        self._retry_at = 0.0

    @property
    def written_number(self) -> int:
        """Which file is written: what is damaged is followed by one whose number is one higher."""
        return self._number

    @property
    def read_number(self) -> int:
        """Which file was read last."""
        return self._read

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction; raises `sqlite3.Error` where that cannot be done."""
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise BusyError("another thread writes for too long")
        try:
            database = self._begun()
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise
        finally:
            self._turn.release()

    def _begun(self) -> sqlite3.Connection:
        """Begin a transaction, in the file that others see once it is this process's turn."""
        database = self._opened()
        database.execute("BEGIN IMMEDIATE")
        if not self._is_current():
            database = self._opened()
            database.execute("BEGIN IMMEDIATE")
        return database

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See one state of it, while others write; raises `sqlite3.Error`."""
        with self._reader_there() as reader:
            reader.execute("BEGIN")
            try:
                yield reader
            finally:
                with suppress(sqlite3.Error):
                    reader.execute("ROLLBACK")

    def checkpoint(self) -> None:
        """Move what was written into the file; nobody waits for that. Raises `sqlite3.Error`."""
        with self._reader_there() as reader:
            reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def replace(self, damaged: Exception) -> bool:
        """Begin a new file where this one is damaged; whether it is, and so was replaced."""
        if not _is_damage(damaged):
            return False
        self._close_reader()
        with self._turn, suppress(OSError), (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            newest = self._newest()
            if newest == self._number:
                self._path(newest + 1).touch()
                # What was damaged is kept for whoever wants to look, what was before it is not.
                self._remove(newest - 1)
            self._close()
            self._retry_at = 0.0
            return True
        return False

    def leave(self, is_done: Callable[[sqlite3.Connection], bool]) -> None:
        """Begin a new file where nothing of this one is needed any more, which is removed.

        On a disk that is full nothing can be forgotten in it, and it may be what fills the disk.
        Raises `sqlite3.Error` and `OSError`.
        """
        self._close_reader()
        with self._turn, (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            database = self._begun()  # nobody else writes meanwhile, or after that into this file
            number = self._number
            if is_done(database):
                self._path(number + 1).touch()
            self._close()
            if self._path(number + 1).exists():
                self._remove(number)

    def close(self) -> None:
        """Close the connections of this process; they open anew where they are used again."""
        self._close_reader()
        with self._turn:
            self._close()

    @contextmanager
    def _reader_there(self) -> Iterator[sqlite3.Connection]:
        with self._reading:
            with self._turn:
                self._opened()  # it is what makes the file
                number = self._number
            if self._reader is not None and self._read != number:
                self._reader.close()
                self._reader = None
            if self._reader is None:
                self._reader, self._read = self._connect(number), number
            yield self._reader

    def _opened(self) -> sqlite3.Connection:
        if self._database is not None and not self._is_current():
            self._close()
            self._read = 0
        if self._database is None:
            if time.monotonic() < self._retry_at:
                raise sqlite3.OperationalError("it could not be opened a moment ago")
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            self._database = self._open()
            self._retry_at = 0.0
        return self._database

    def _is_current(self) -> bool:
        """Whether others see what is written: none found it damaged, and nobody removed it."""
        with suppress(OSError):
            is_same = self._path(self._number).stat().st_ino == self._inode
            return is_same and not self._path(self._number + 1).exists()
        return False

    def _open(self) -> sqlite3.Connection:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error
        self._number = max(self._newest(), 1)
        database = self._connect(self._number)
        try:
            database.execute(f"PRAGMA max_page_count = {self._most_pages}")
            database.execute("PRAGMA journal_size_limit = 1048576")
            database.execute(f"PRAGMA wal_autocheckpoint = {_MOST_UNMOVED_PAGES}")
            database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        except BaseException:
            database.close()
            raise
        self._inode = self._path(self._number).stat().st_ino
        return database

    def _connect(self, number: int) -> sqlite3.Connection:
        database = sqlite3.connect(
            self._path(number),
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            database.execute("PRAGMA journal_mode = WAL")
            # What was written is there after a SIGKILL; a loss of power takes the pod's folder too.
            database.execute("PRAGMA synchronous = OFF")
        except BaseException:
            database.close()
            raise
        return database

    def _close_reader(self) -> None:
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _remove(self, number: int) -> None:
        for old in self._folder.glob(f"{self._path(number).name}*"):
            old.unlink(missing_ok=True)

    def _newest(self) -> int:
        numbers = [path.stem.removeprefix("spool-") for path in self._folder.glob("spool-*.db")]
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def _path(self, number: int) -> Path:
        return self._folder / f"spool-{number}.db"


def _is_damage(error: Exception) -> bool:
    # Texts that are none are an error of Python's sqlite3 alone, which has no code for it.
    is_no_text = isinstance(error, sqlite3.OperationalError) and "decode" in str(error)
    name = getattr(error, "sqlite_errorname", "")
    is_corrupt = name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
    return is_corrupt or is_no_text or isinstance(error, DamageError)
