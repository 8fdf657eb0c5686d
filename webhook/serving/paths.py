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

# The way of a path through the files: read in this order, none is missed where the kubelet puts
# others there meanwhile.
_FILES = ("next", "path", "before")

# Paths are answered for minutes before anybody is sent there.
_LOOK_SECONDS = 1.0


class Segments:
    """Those of a folder's files `path`, `next` and `before`; for many threads.

    A folder in which none can be read any more does not change what is answered: an emptied Secret
    is filled again, and until then the API server asks where it did.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = tuple(folder / name for name in _FILES)
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = -_LOOK_SECONDS
        self._known: tuple[str, ...] = ()

    def __contains__(self, segment: object) -> bool:
        """Whether reviews are answered under a segment; how long it takes tells nothing of it."""
        asked = str(segment).encode()
        return any(hmac.compare_digest(asked, known.encode()) for known in self.known())

    def known(self) -> tuple[str, ...]:
        """Return all of them, as they were a second ago at most."""
        with self._lock:
            now = self._clock()
            if now - self._looked >= _LOOK_SECONDS:
                self._looked = now
                self._known = tuple(filter(is_path, map(_text, self._files))) or self._known
            return self._known


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
