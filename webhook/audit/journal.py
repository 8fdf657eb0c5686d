"""The journal: what is recorded goes to the end of a file first; admissions wait for no more.

Each process has files of its own. Whoever delivers moves what they have into the spool, many
decisions in one transaction; a file is removed when its process has done with it, or is gone.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from webhook.audit.entry import Entry

# A file is that large when its process goes on to another one.
_FILE_BYTES: Final = 1024 * 1024

# Files of one process: where nobody moves them, records go into the spool itself, which has its
# bounds.
_MOST_FILES: Final = 4

# So much is moved in one transaction: some 200 records, in some milliseconds.
_CHUNK_BYTES: Final = 256 * 1024

# A folder that cannot be written is not tried for each admission.
_RETRY_SECONDS: Final = 1.0

_SUFFIX: Final = ".journal"

_log = logging.getLogger("scaleguard.audit")
_lines = msgspec.json.Decoder(list[Entry])


class Journal:
    """The files that this process writes, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()
        self._process = os.getpid()
        self._file: int | None = None
        self._bytes = 0
        self._retry_at = 0.0

    def write(self, entries: Sequence[Entry]) -> bool:
        """Keep the entries of a decision; whether they are there, whatever becomes of this process.

        They are not where the folder cannot be written, or too much waits in it.
        """
        line = msgspec.json.encode(entries) + b"\n"
        with self._turn:
            file = self._opened()
            return file is not None and self._written(file, line)

    def close(self) -> None:
        """Have done with the file; another one is begun where something is written again."""
        with self._turn:
            self._close()

    def _opened(self) -> int | None:
        if self._process != os.getpid():
            self._close()  # here alone: the parent has it open, and so it stays locked
            self._process = os.getpid()
        if self._bytes >= _FILE_BYTES:
            self._close()
        if self._file is None and time.monotonic() >= self._retry_at:
            try:
                self._file = self._begun()
            except OSError as error:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
                _log.debug("audit: no journal can be begun: %s", error)
        return self._file

    def _begun(self) -> int | None:
        """Begin a file; it has its name once it is locked, so that nobody takes it for one left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        process = f"-{self._process}{_SUFFIX}"
        if len(list(self._folder.glob(f"*{process}"))) >= _MOST_FILES:
            return None
        path = self._folder / f"{time.time_ns():020}{process}"
        unnamed = path.with_suffix(".new")
        file = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(path)
        except OSError:
            os.close(file)
            raise
        return file

    def _written(self, file: int, line: bytes) -> bool:
        try:
            is_whole = os.write(file, line) == len(line)
        except OSError as error:
            _log.debug("audit: the journal cannot be written: %s", error)
            is_whole = False
        if is_whole:
            self._bytes += len(line)
        else:
            with suppress(OSError):
                os.ftruncate(file, self._bytes)
        return is_whole

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._bytes = None, 0


class Journals:
    """The files of all processes, for the one that delivers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moved: dict[Path, int] = {}

    def move(self, take_in: Callable[[Sequence[Entry]], bool], broken: Callable[[], None]) -> None:
        """Have all that is there taken in, oldest first, until something is not.

        What was taken in and is met again, after a SIGKILL, is for the one who takes it in to know
        by its decision. `broken` is told of each line that is none.
        """
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            with suppress(OSError), path.open("rb") as file:
                if not self._move(file.fileno(), path, take_in, broken):
                    return

    def _move(
        self,
        file: int,
        path: Path,
        take_in: Callable[[Sequence[Entry]], bool],
        broken: Callable[[], None],
    ) -> bool:
        # Asked first: what comes after that is not overlooked.
        is_left = _is_left(file)
        while chunk := _lines_at(file, self._moved.get(path, 0)):
            entries = _entries(chunk, broken)
            if entries and not take_in(entries):
                return False
            self._moved[path] = self._moved.get(path, 0) + len(chunk)
        if is_left:
            path.unlink(missing_ok=True)
            self._moved.pop(path, None)
        return True


def _is_left(file: int) -> bool:
    """Whether no process writes it any more."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lines_at(file: int, offset: int) -> bytes:
    """Read whole lines; one that a process was killed in was never acknowledged."""
    chunk = os.pread(file, _CHUNK_BYTES, offset)
    end = chunk.rfind(b"\n") + 1
    if chunk and not end:
        chunk = os.pread(file, os.fstat(file).st_size - offset, offset)
        end = chunk.find(b"\n") + 1
    return chunk[:end]


def _entries(lines: bytes, broken: Callable[[], None]) -> list[Entry]:
    found: list[Entry] = []
    for line in lines.splitlines():
        try:
            found += _lines.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.error("audit: a line of the journal is damaged, and left out: %s", error)
            broken()
    return found
