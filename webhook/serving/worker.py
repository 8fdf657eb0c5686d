"""gunicorn's threaded worker, for clients that are not all well-behaved, and for a gentle end.

What is overridden are internals of gunicorn: its version is pinned in requirements/, and
tests/e2e/test_server.py fails where they change.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from webhook.serving.environment import DRAINING, OVERLOADED

# A connection that says nothing at all costs no thread, but one of `worker_connections`.
FIRST_BYTE_SECONDS = 10.0

# Requests that are judged or wait for it, for each thread: at some milliseconds each, the last one
# waits for some tens of milliseconds, far below any webhook's timeout.
IN_FLIGHT_PER_THREAD = 4

# Sending away takes a tenth of a millisecond, and two can do it while a third client is slow.
_SHEDDING_THREADS = 2

# A handshake takes a millisecond or two; a client that stalls in one has a deadline.
_HANDSHAKE_THREADS = 4

# A stopping worker has this much patience with connections that have said nothing yet.
_LAST_CALL_SECONDS = 1.0

_MOST_UNREAD = 64 * 1024

_log = logging.getLogger("scaleguard.server")


class Connection(TConn):
    """A client's connection."""

    is_counted = False
    """Whether it is one of those in flight."""

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - as in gunicorn
        """Close without waiting: gunicorn would hold its event loop for up to two seconds.

        What the client has sent already is read, because closing on unread data resets the
        connection and takes the answer with it.
        """
        with suppress(OSError, ValueError):
            if graceful:
                self.sock.settimeout(0)
                self.sock.shutdown(socket.SHUT_WR)
                self.sock.recv(_MOST_UNREAD)
        with suppress(OSError):
            self.sock.close()


class Worker(ThreadWorker):
    """A thread is given to who has something to say; who is silent waits in the poller."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.drain_seconds: float = getattr(self.app, "drain_seconds", 0.0)
        self.stop_at: float | None = None
        self._most_in_flight = IN_FLIGHT_PER_THREAD * self.cfg.threads
        self._in_flight = 0
        self._counting = threading.Lock()
        self._thread = threading.local()

    def init_process(self) -> None:
        """Begin to work; the requests that are sent away have threads of their own."""
        self._shed_pool = ThreadPoolExecutor(_SHEDDING_THREADS, "shed", self._mark_thread)
        self._handshake_pool = ThreadPoolExecutor(_HANDSHAKE_THREADS, "handshake")
        super().init_process()

    def _mark_thread(self) -> None:
        self._thread.sheds = True

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; gunicorn would have a thread wait 5 s for its first byte."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # it went away, or another worker was quicker
        self.nr_conns += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        connection.timeout = time.monotonic() + FIRST_BYTE_SECONDS
        self.pending_conns.append(connection)
        readable = partial(self.on_pending_socket_readable, connection)
        self.poller.register(client, EVENT_READ, readable)

    def enqueue_req(self, conn: Connection) -> None:  # type: ignore[override]  # no others are made
        """Queue a connection that has something to say for a thread.

        What comes when too many are in flight goes to threads that judge nothing, and is told so at
        once. Handshakes do not count and have threads of their own: behind a judge that is busy, a
        newcomer would not even learn that there is no place.
        """
        if not conn.initialized:
            pool = self._handshake_pool
        else:
            with self._counting:
                conn.is_counted = self._in_flight < self._most_in_flight
                self._in_flight += conn.is_counted
            pool = self.tpool if conn.is_counted else self._shed_pool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def handle(self, conn: Connection) -> bool:  # type: ignore[override]  # no others are made
        """Shake hands, or answer one request, in a thread; say whether the connection stays.

        After the handshake the connection waits in the poller: the API server opens some that it
        does not use at once, and gunicorn would have a thread wait for their first request.
        """
        try:
            return super().handle(conn) if conn.initialized else _shake_hands(conn)
        finally:
            with self._counting:
                self._in_flight -= conn.is_counted
                conn.is_counted = False

    def load_wsgi(self) -> None:
        """Load the application, and tell it with each request how this process is."""
        super().load_wsgi()
        application = self.wsgi

        def informed(
            environ: MutableMapping[str, Any],
            respond: Callable[[str, Iterable[tuple[str, str]]], None],
        ) -> Iterable[bytes]:
            environ[OVERLOADED] = getattr(self._thread, "sheds", False)
            environ[DRAINING] = self.stop_at is not None
            body = application(environ, respond)
            if self.stop_at is not None:
                # Known only to the response that this is a method of; its headers are not sent yet.
                respond.__self__.force_close()  # type: ignore[attr-defined]
            return body

        self.wsgi = informed

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop: answer with `Connection: close` from now on, later accept nothing more."""
        if self.stop_at is None:
            self.stop_at = time.monotonic() + self.drain_seconds
        if time.monotonic() >= self.stop_at:
            super().handle_exit(sig, frame)

    def notify(self) -> None:
        """Tell the master that this worker lives; called by the event loop every second or so."""
        super().notify()
        if self.stop_at is not None and time.monotonic() >= self.stop_at:
            self.alive = False
            last_call = self.stop_at + _LAST_CALL_SECONDS
            for connection in self.pending_conns:
                connection.timeout = min(connection.timeout or last_call, last_call)


def _shake_hands(connection: TConn) -> bool:
    try:
        connection.init()
    except (OSError, ValueError) as error:
        _log.debug("no TLS with %s: %s", connection.client, error)
        return False
    return True
