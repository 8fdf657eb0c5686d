"""TLS: certificates that change while the server runs, and clients that stop talking."""

import errno
import logging
import math
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from certs.inspection import CertificateInfo, inspect
from webhook.serving.authorities import Authorities

# In a cluster a handshake is two round trips, and a body of 7 MiB takes well under a second. Who is
# slower gives the thread back; the API server itself waits 10 s for a webhook by default.
HANDSHAKE_SECONDS = 3.0
REQUEST_SECONDS = 10.0

_log = logging.getLogger("scaleguard.server")

Stamp = tuple[int, int, int]


class DeadlineSocket(ssl.SSLSocket):
    """A server's socket that gives every request one deadline, however slowly it trickles in.

    gunicorn makes a connection blocking, without a timeout, each time it hands it to a thread: that
    is when the deadline is set. A client that misses it is treated as one that went away.
    """

    _deadline = math.inf

    @cached_property
    def caller(self) -> str | None:
        """The common name of the client's certificate; None where it has shown none.

        Empty where the certificate has none that can be read; of several the last counts, as for
        Kubernetes.
        """
        try:
            shown = self.getpeercert()
        except (ssl.SSLError, UnicodeDecodeError):  # Python reads more of it than the name
            return ""
        if not shown:
            return None
        subject: Any = shown["subject"]
        names = [value for part in subject for key, value in part if key == "commonName"]
        return str(names[-1]) if names else ""

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - as in the standard library
        """Set the deadline of the next request, or make the socket non-blocking for the poller."""
        if flag:
            self._limit(REQUEST_SECONDS)
        else:
            super().setblocking(flag)

    def settimeout(self, value: float | None, /) -> None:
        """Set a timeout in seconds; none at all means the deadline of a request."""
        if value is None:
            self._limit(REQUEST_SECONDS)
        else:
            super().settimeout(value)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive before the deadline, or fail as with a client that went away."""
        timeout = self.gettimeout()
        if timeout == 0:
            return super().recv(buflen, flags)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _gone()
        super().settimeout(left if timeout is None else min(timeout, left))
        try:
            return super().recv(buflen, flags)
        except TimeoutError as error:
            raise _gone() from error

    def _limit(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        super().settimeout(seconds)


class ServedCertificate:
    """The TLS context of a folder's tls.crt and tls.key, made anew when the files change.

    New files are loaded into a context of their own, which takes the place of the old one only if
    that succeeds: certificate and key that do not match, as while they are being written, never
    reach a connection. Safe to be used by many threads.
    """

    def __init__(self, folder: Path, authorities: Authorities | None = None) -> None:
        """With `authorities` clients are asked for a certificate; without, for none."""
        self._certificate, self._key = folder / "tls.crt", folder / "tls.key"
        self._authorities = authorities
        self.distrust: Callable[[str], None] = lambda _why: None
        """Is told why a client's certificate is not trusted."""
        self._lock = threading.Lock()
        self._files = [self._certificate, self._key]
        if authorities is not None:
            self._files.append(authorities.file)
        self._stamp: tuple[Stamp, ...] | None = None
        self._context: ssl.SSLContext | None = None
        self._info: CertificateInfo | None = None

    def for_gunicorn(
        self, _config: object, _default: Callable[[], ssl.SSLContext]
    ) -> ssl.SSLContext:
        """Return the context for a new connection, as gunicorn's `ssl_context` hook."""
        return self.context()

    def context(self) -> ssl.SSLContext:
        """Return the newest context that could be made; raises `OSError` if there never was one."""
        with self._lock:
            self._refresh()
            if self._context is None:
                raise OSError(f"{self._certificate} and its key cannot be loaded: see the log")
            return self._context

    def problems(self, now: datetime | None = None) -> list[str]:
        """Say why the certificate that is served now cannot be relied on."""
        now = now if now is not None else now_utc()
        with self._lock:
            self._refresh()
            info = self._info
        if info is None:
            return ["no certificate is loaded"]
        if now >= info.not_after:
            return [f"the certificate expired at {info.not_after:%Y-%m-%dT%H:%M:%SZ}"]
        return []

    def expiry_seconds(self, now: datetime) -> float | None:
        """Return the seconds until the certificate expires, negative after; None without one."""
        with self._lock:
            self._refresh()
            return None if self._info is None else (self._info.not_after - now).total_seconds()

    def _refresh(self) -> None:
        # The stamp is older than what is read: a change in between is seen the next time.
        stamp = tuple(map(_stamp, self._files))
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._context, self._info = self._load()
        except (OSError, ValueError) as error:
            kept = "the last good one is served" if self._context else "there is none to serve"
            _log.warning("%s cannot be loaded, %s: %s", self._certificate, kept, error)

    def _load(self) -> tuple[ssl.SSLContext, CertificateInfo]:
        info = inspect(self._certificate.read_bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = DeadlineSocket
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(self._certificate, self._key, password="")
        if self._authorities is not None:
            self._authorities.demand(context)
        return context, info


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size


def now_utc() -> datetime:
    """Return the time: the one clock of the server's certificates."""
    return datetime.now(UTC)


def _gone() -> ConnectionResetError:
    # The one error that gunicorn takes for a client that left, without a traceback in the log.
    return ConnectionResetError(errno.ECONNRESET, "the client did not finish its request in time")
