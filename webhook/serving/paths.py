"""The unguessable first segment of the paths at which reviews are asked for.

Whoever reaches the port could ask for a review of a request that nobody made, and have it recorded;
a client certificate of the API server cannot be had on most managed clusters. The path is known to
whoever may read the webhook configurations, and to nobody else.
"""

import hmac
import threading
import time
from collections.abc import Callable
from pathlib import Path

from certs.kept import is_path

# The way of a path through the files: read in this order, none is missed where others are put there
# meanwhile.
_FILES = ("next", "path", "before")

# A kubelet puts all files of a volume there by exchanging this link, and only then makes those by
# which files are found that were not there before (atomic_writer.go): `before`, of all.
_VOLUME = "..data"
_TRIES = 3

# Paths are answered for minutes before anybody is sent there.
_LOOK_SECONDS = 1.0

# Who asks under a segment that is not known may be right all the same.
_LOOK_AGAIN_SECONDS = 0.05


class Segments:
    """Those of a folder's files `path`, `next` and `before`; for many threads.

    A folder in which none can be read any more does not change what is answered: an emptied Secret
    is filled again, and until then the API server asks where it did.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = -_LOOK_SECONDS
        self._known: tuple[str, ...] = ()

    def __contains__(self, segment: object) -> bool:
        """Whether reviews are answered under a segment; how long it takes tells nothing of it."""
        asked = str(segment).encode()
        return _is_among(asked, self.known()) or _is_among(asked, self.known(_LOOK_AGAIN_SECONDS))

    def known(self, seconds: float = _LOOK_SECONDS) -> tuple[str, ...]:
        """Return all of them, as they were so many seconds ago at most."""
        with self._lock:
            now = self._clock()
            if now - self._looked >= seconds:
                self._looked = now
                self._known = _read(self._folder) or self._known
            return self._known


def _is_among(asked: bytes, known: tuple[str, ...]) -> bool:
    return any(hmac.compare_digest(asked, each.encode()) for each in known)


def _read(folder: Path) -> tuple[str, ...]:
    """Read the files of one moment; nothing where none holds a path."""
    volume = folder / _VOLUME
    found: tuple[str, ...] = ()
    for _ in range(_TRIES):
        moment = volume.resolve() if volume.is_symlink() else folder
        found = tuple(filter(is_path, (_text(moment / name) for name in _FILES)))
        if moment == folder or volume.resolve() == moment:
            break
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
