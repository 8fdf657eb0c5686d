"""The journal: what is recorded goes to the end of a file first; admissions wait for no more.

Each process has files of its own. Whoever delivers does so from there, or where that fails moves
what they have into the spool, many decisions in one transaction. A file is removed when its process
has done with it, or is gone.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from webhook.audit.entry import Entry

# A file is that large when its process goes on to another one.
_FILE_BYTES: Final = 1024 * 1024

# Files of one process: where nobody moves them, records go into the spool itself, which has its
# bounds.
_MOST_FILES: Final = 4

# Those of all processes, of which many may be gone: a container that ends again and again.
_MOST_FILES_OF_ALL: Final = 64

# What has no name yet has one within a moment, or was left.
_UNNAMED_SECONDS: Final = 60.0

# A folder that cannot be written is not tried for each admission.
_RETRY_SECONDS: Final = 1.0

_SUFFIX: Final = ".journal"

_log = logging.getLogger("scaleguard.audit")
_lines = msgspec.json.Decoder(list[Entry])
_offsets = msgspec.json.Decoder(dict[str, int])


class Journal:
    """The files that this process writes, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()
        self._file: int | None = None
        self._path = folder
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
        if self._file is not None and (
            self._bytes >= _FILE_BYTES or not self._is_there(self._file)
        ):
            self._close()
        if self._file is None and time.monotonic() >= self._retry_at:
            try:
                self._file = self._begun()
            except OSError as error:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
                _log.debug("audit: no journal can be begun: %s", error)
        return self._file

    def _is_there(self, file: int) -> bool:
        """Whether somebody finds what is written: a file may be removed, with its folder mostly."""
        try:
            return self._path.stat().st_ino == os.fstat(file).st_ino
        except OSError:
            return False

    def _begun(self) -> int | None:
        """Begin a file; it has its name once it is locked, so that nobody takes it for one left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        process = f"-{os.getpid()}{_SUFFIX}"
        names = [path.name for path in self._folder.glob(f"*{_SUFFIX}")]
        own = sum(name.endswith(process) for name in names)
        if own >= _MOST_FILES or len(names) >= _MOST_FILES_OF_ALL:
            return None
        path = self._folder / f"{time.time_ns():020}{process}"
        unnamed = path.with_suffix(".new")
        file = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(path)
        except OSError:
            os.close(file)
            unnamed.unlink(missing_ok=True)
            raise
        self._path = path
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
            try:
                os.ftruncate(file, self._bytes)
            except OSError:
                self._close()  # half a line stays: what comes next must not be written behind it
        return is_whole

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._bytes = None, 0


class Read(NamedTuple):
    """What was read of journals, and not yet done with."""

    entries: list[Entry]
    broken: int
    """Lines that are none, and left out."""
    ends: dict[Path, int]
    """How far each file was read."""


class Journals:
    """The files of all processes, for the one that delivers.

    How far it has come is in a file beside them, so that whoever is next goes on from there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets_path = folder / "offsets"
        self._offsets: dict[str, int] = {}
        self._noted: dict[str, int] = {}
        """What the file says."""

    def begin(self) -> None:
        """Go on from where whoever delivered before has been."""
        self._offsets = self._noted = self._known()
        for path in self._folder.glob("*.new"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _UNNAMED_SECONDS:
                    path.unlink()

    def read(self, most_bytes: int) -> Read:
        """Read what comes next, oldest first, so much at most where one line is not longer.

        It is read again until it is done with; after a SIGKILL it may be met again in spite of
        that, and is known by its decisions.
        """
        read = Read([], 0, {})
        left = most_bytes
        for path in self._paths():
            if left <= 0:
                break
            with suppress(OSError), path.open("rb") as file:
                begin = self._offset(path, file.fileno())
                lines = _lines_at(file.fileno(), begin, left)
                broken = _decode(lines, read.entries)
                read = read._replace(broken=read.broken + broken)
                read.ends[path] = begin + len(lines)
                left -= len(lines)
        return read

    def waiting_bytes(self) -> int:
        """How much there is that nobody has done with."""
        waiting = 0
        for path in self._paths():
            with suppress(OSError), path.open("rb") as file:
                waiting += os.fstat(file.fileno()).st_size - self._offset(path, file.fileno())
        return waiting

    def done(self, read: Read) -> None:
        """Go on behind what was read, and remove files of which nothing is left to come."""
        self._know({path.name: end for path, end in read.ends.items()})
        for path, end in read.ends.items():
            with suppress(OSError), path.open("rb") as file:
                # The lock first: nobody who writes comes after it.
                if _is_left(file.fileno()) and not _lines_at(file.fileno(), end, 1):
                    path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"))

    def _offset(self, path: Path, file: int) -> int:
        """Where to go on in a file; what cannot be right is not believed, and it is read again."""
        offset = self._offsets.get(path.name, 0)
        return offset if 0 <= offset <= os.fstat(file).st_size else 0

    def _known(self) -> dict[str, int]:
        try:
            return _offsets.decode(self._offsets_path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("audit: records may be delivered again, %s", error)
            return {}

    def _know(self, ends: Mapping[str, int]) -> None:
        """Note how far files were read, of those that are there."""
        there = {path.name for path in self._paths()}
        both = {**self._offsets, **ends}
        self._offsets = {name: end for name, end in both.items() if name in there}
        if self._offsets == self._noted:
            return
        unnamed = self._offsets_path.with_suffix(".new")
        try:
            unnamed.write_bytes(msgspec.json.encode(self._offsets))
            unnamed.rename(self._offsets_path)
        except OSError as error:
            _log.debug("audit: how far journals were read is not kept: %s", error)
        else:
            self._noted = self._offsets


def _is_left(file: int) -> bool:
    """Whether no process writes it any more."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lines_at(file: int, offset: int, most_bytes: int) -> bytes:
    """Read whole lines, one at least; what a process was killed in was never acknowledged."""
    chunk = os.pread(file, most_bytes, offset)
    end = chunk.rfind(b"\n") + 1
    if chunk and not end:
        chunk = os.pread(file, os.fstat(file).st_size - offset, offset)
        end = chunk.find(b"\n") + 1
    return chunk[:end]


def _decode(lines: bytes, into: list[Entry]) -> int:
    """Decode lines; return how many are none."""
    broken = 0
    for line in lines.splitlines():
        try:
            into += _lines.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.error("audit: a line of the journal is damaged, and left out: %s", error)
            broken += 1
    return broken
