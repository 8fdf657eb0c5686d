"""gunicorn's threaded worker, for clients that are not all well-behaved, and for a gentle end.

What is overridden are internals of gunicorn: its version is pinned in requirements/, and
tests/e2e/test_server.py fails where they change.
"""

import logging
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import Any, NamedTuple, TypeVar, cast

from gunicorn.workers.gthread import ThreadWorker

from webhook.serving.arriving import Arrival
from webhook.serving.body import MIB
from webhook.serving.connection import Connection
from webhook.serving.environment import DRAINING, LAST, OVERLOADED, SHORT_WAY
from webhook.serving.parser import unchanging
from webhook.serving.plain import ShortWay, written
from webhook.serving.unfinished import Unfinished

Done = TypeVar("Done")

# A connection that says nothing, or not all of what it has to say, costs no thread, but one of
# `worker_connections`: none stays there longer, and whoever comes when all are taken is let in for
# one of them.
FIRST_BYTE_SECONDS = 10.0

# Requests that are judged or wait for it, for each thread: at some milliseconds each, the last one
# waits for some tens of milliseconds, far below any webhook's timeout.
IN_FLIGHT_PER_THREAD = 4

# Sending away takes a tenth of a millisecond, and two can do it while a third client is slow.
_SHEDDING_THREADS = 2

# A handshake takes a millisecond or two of a processor, and no thread waits for its client.
_HANDSHAKE_THREADS = 2

# Threads wait for clients only here: for those who do not say how much is to come. No API server is
# one of them; who comes when so many wait already is hung up on.
_PATIENT_THREADS = 2
_MOST_UNUSUAL = 8

# Of requests that have come in part, and of those that wait for a thread or have one: some hundred
# are small, and of large ones there are few. Two of the largest fit. As much again may wait to be
# sent away.
_MOST_HELD_BYTES = 16 * MIB

# How often it is looked whether deadlines have passed.
_LOOK_SECONDS = 0.25

# After so many requests of one connection its thread is for others first.
_MOST_IN_A_ROW = 64

# How long a thread waits for the next request of the connection that it has answered.
_LINGER_SECONDS = 0.002

# A stopping worker has this much patience with connections that have said nothing yet.
_LAST_CALL_SECONDS = 1.0

_log = logging.getLogger("scaleguard.server")


class _Heard(NamedTuple):
    """What a thread has heard of a next request that it does not answer."""

    arrival: Arrival | None


class Worker(ThreadWorker):
    """A thread is given to who has said what there is to say; all others wait in the poller."""

    pending_conns: deque[Connection]  # type: ignore[assignment]  # no others are made
    keepalived_conns: deque[Connection]  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.drain_seconds: float = getattr(self.app, "drain_seconds", 0.0)
        self._distrust: Callable[[str], None] = getattr(self.app, "distrust", lambda _why: None)
        self.stop_at: float | None = None
        self._most_in_flight = IN_FLIGHT_PER_THREAD * self.cfg.threads
        self._in_flight = 0
        self._most_lingering = self.cfg.threads // 2
        self._lingering = 0
        self._counting = threading.Lock()
        self._unusual = 0
        self._busy: set[Connection] = set()
        self._look_at = 0.0
        self._thread = threading.local()
        self._short_way: ShortWay | None = None

    def init_process(self) -> None:
        """Begin to work; the requests that are sent away have threads of their own."""
        self._shed_pool = ThreadPoolExecutor(_SHEDDING_THREADS, "shed", self._mark_thread)
        self._handshake_pool = ThreadPoolExecutor(_HANDSHAKE_THREADS, "handshake")
        self._patient_pool = ThreadPoolExecutor(_PATIENT_THREADS, "patient")
        self._unfinished = Unfinished()
        super().init_process()

    def run(self) -> None:
        """Serve, by settings that do not change any more."""
        self.cfg = unchanging(self.cfg)
        self.poller.register(self._unfinished, EVENT_READ, Unfinished.hear_some)
        super().run()
        self._unfinished.close()

    def _mark_thread(self) -> None:
        self._thread.sheds = True

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; gunicorn would have a thread wait 5 s for its first byte."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # it went away, or another worker was quicker
        if self.nr_conns + 1 >= self.worker_connections:
            self._make_room()
        self.nr_conns += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        connection.timeout = time.monotonic() + FIRST_BYTE_SECONDS
        self._wait_for(connection)

    def enqueue_req(self, conn: Connection) -> None:  # type: ignore[override]  # no others are made
        """Queue a connection for a thread, once all that it has to say has come.

        What comes when too many are in flight goes to threads that judge nothing, and is told so at
        once. Handshakes do not count and have threads of their own: behind a judge that is busy, a
        newcomer would not even learn that there is no place.
        """
        if not conn.initialized:
            conn.expect_handshake()
            self._submit(self._handshake_pool, _shake_hands, conn, self._shaken)
            return
        self._go_on(conn, conn.listen())

    def _go_on(self, conn: Connection, arrival: Arrival | None) -> None:
        """Do what follows from how far a request has come."""
        if arrival is Arrival.PARTLY:
            self._wait_for(conn)
            self._bound_held(conn)
        elif arrival is None or not conn.is_read():
            self._hang_up(conn)
        elif arrival is Arrival.WHOLE:
            self._take_in(conn)
        elif self._unusual < _MOST_UNUSUAL:
            self._unusual += 1
            self._submit(self._patient_pool, self.handle, conn, self._finish_unusual)
        else:
            self._hang_up(conn)

    def _take_in(self, conn: Connection) -> None:
        """Have a request answered, or sent away; hang up where too much waits even for that."""
        held = sum(one.whole_bytes for one in self._busy) if self._is_large(conn) else 0
        held += conn.held_bytes
        if held > 2 * _MOST_HELD_BYTES:
            self._hang_up(conn)
            return
        is_judged = held <= _MOST_HELD_BYTES and self._count(conn)
        conn.whole_bytes = conn.held_bytes
        self._busy.add(conn)
        pool = self.tpool if is_judged else self._shed_pool
        self._submit(pool, self._answer_all, conn, self._finish_all)

    def _is_large(self, conn: Connection) -> bool:
        """Whether so much of each connection would be too much."""
        return conn.held_bytes >= _MOST_HELD_BYTES // self.worker_connections

    def _count(self, conn: Connection) -> bool:
        """Count a connection as one of those in flight, unless they are too many."""
        with self._counting:
            conn.is_counted = self._in_flight < self._most_in_flight
            self._in_flight += conn.is_counted
        return conn.is_counted

    def _submit(
        self,
        pool: ThreadPoolExecutor,
        work: Callable[[Connection], Done],
        connection: Connection,
        finish: Callable[[Connection, Future[Done]], None],
    ) -> None:
        """Do something in a thread, and what follows in the event loop."""
        future = pool.submit(work, connection)
        future.add_done_callback(lambda done: self.method_queue.defer(finish, connection, done))

    def _shaken(self, connection: Connection, done: Future[bool]) -> None:
        """Have the connection wait: for the rest of the handshake, or for its first request.

        The API server opens some that it does not use at once.
        """
        if (error := done.exception()) is not None:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._distrust(error.verify_message)
                connection.close(graceful=True)  # else it might not hear why
            self._hang_up(connection)
        elif done.result():
            self.finish_request(connection, done)
        else:
            self._wait_for(connection)

    def _finish_unusual(self, connection: Connection, done: Future[bool]) -> None:
        self._unusual -= 1
        self.finish_request(connection, done)

    def _answer_all(self, conn: Connection) -> bool | _Heard:
        """Answer a request, and those that follow at once: the way round is as long as a judgement.

        Say whether the connection stays, or how far its next request has come.
        """
        stays = self.handle(conn)
        for _ in range(_MOST_IN_A_ROW):
            if not stays or not self._speaks_again(conn):
                break
            arrival = conn.listen()
            is_usual = arrival is Arrival.WHOLE and not self._is_large(conn)
            if not is_usual or not conn.is_read() or not self._count(conn):
                return _Heard(arrival)
            stays = self.handle(conn)
        return stays

    def _speaks_again(self, conn: Connection) -> bool:
        """Wait a moment for the next request, with half of the threads at most.

        None waits while others have something to say, and none that sends away.
        """
        with self._counting:
            lingers = self._lingering < self._most_lingering and not self._is_needed()
            self._lingering += lingers
        if not lingers:
            return False
        try:
            return conn.speaks_within(_LINGER_SECONDS)
        finally:
            with self._counting:
                self._lingering -= 1

    def _is_needed(self) -> bool:
        """Whether this thread has something else to do than to wait for one client."""
        others = not self.tpool._work_queue.empty()  # noqa: SLF001 - nothing else tells
        return others or self.stop_at is not None or self._is_shedding()

    def _finish_all(self, connection: Connection, done: Future[bool | _Heard]) -> None:
        self._busy.discard(connection)
        connection.whole_bytes = 0
        if (fault := done.exception()) is not None:
            # Raised in the event loop it would end this process, and all that is in flight.
            _log.error("a request was not answered, by a fault of the server's own", exc_info=fault)
            self._hang_up(connection)
            return
        result = done.result()
        if isinstance(result, _Heard):
            self._go_on(connection, result.arrival)
        else:
            self.finish_request(connection, cast("Future[bool]", done))

    def handle(self, conn: Connection) -> bool:  # type: ignore[override]  # no others are made
        """Answer one request, in a thread; say whether the connection stays."""
        try:
            if (stays := self._answer_plain(conn)) is not None:
                return stays
            conn.hand_over()
            return super().handle(conn)
        finally:
            with self._counting:
                self._in_flight -= conn.is_counted
                conn.is_counted = False

    def _answer_plain(self, conn: Connection) -> bool | None:
        """Answer by the short way, as gunicorn would; None where this is none for it."""
        if self._short_way is None or self._is_shedding():
            return None
        asked = conn.arriving.plain()
        answer = self._short_way(asked, conn.sock) if asked is not None else None
        if answer is None:
            return None
        stays = self.stop_at is None and len(self.keepalived_conns) < self.max_keepalived
        return conn.answer(written(answer, stays=stays)) and stays

    def _is_shedding(self) -> bool:
        """Whether this thread sends away."""
        return getattr(self._thread, "sheds", False)

    def _wait_for(self, connection: Connection) -> None:
        """Have the poller tell when more comes."""
        self.pending_conns.append(connection)
        self._unfinished.register(connection.sock, partial(self._hear, connection))

    def _hear(self, conn: Connection) -> None:
        """Go on with who has said more, unless it was hung up on a moment ago."""
        if conn.sock.fileno() < 0:
            return
        arrival = conn.listen() if conn.initialized else None
        if arrival is Arrival.PARTLY:
            self._bound_held(conn)
            return
        self._unfinished.unregister(conn.sock)
        self.pending_conns.remove(conn)
        if conn.initialized:
            self._go_on(conn, arrival)
        else:
            self.enqueue_req(conn)

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:  # type: ignore[override]  # no others are made
        """Listen to who asks again, unless it was hung up on a moment ago."""
        if client.fileno() >= 0:
            super().on_client_socket_readable(conn, client)

    def murder_pending(self) -> None:
        """Hang up on who has missed a deadline: gunicorn's are all the same, and in order."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            for connection in [one for one in self.pending_conns if one.timeout <= now]:
                self._drop(connection)

    def _make_room(self) -> None:
        """Hang up on who will be missed least: who has never asked, or not to the end, for longest.

        If there is none, on who has asked nothing for longest: an API server opens another one.
        """
        silent = (one for one in self.keepalived_conns if one.is_silent)
        if waiting := [*self.pending_conns, *silent]:
            self._drop(min(waiting, key=lambda one: one.since))
        elif self.keepalived_conns:
            self._drop(self.keepalived_conns[0])

    def _bound_held(self, newest: Connection) -> None:
        """Hang up on who holds most of what has come in part, where that is too much."""
        if not self._is_large(newest):
            return
        while sum(one.held_bytes for one in self.pending_conns) > _MOST_HELD_BYTES:
            self._drop(max(self.pending_conns, key=lambda one: one.held_bytes))

    def _drop(self, connection: Connection) -> None:
        """Hang up on who waits in the poller."""
        for waiting in (self.pending_conns, self.keepalived_conns):
            with suppress(ValueError):
                waiting.remove(connection)
        for poller in (self._unfinished, self.poller):
            with suppress(OSError, KeyError, ValueError):
                poller.unregister(connection.sock)
        self._hang_up(connection)

    def _hang_up(self, connection: Connection) -> None:
        self.nr_conns -= 1
        connection.close()

    def load_wsgi(self) -> None:
        """Load the application, and tell it with each request how this process is."""
        super().load_wsgi()
        application = self.wsgi
        self._short_way = getattr(application, "extensions", {}).get(SHORT_WAY)

        def informed(
            environ: MutableMapping[str, Any],
            respond: Callable[[str, Iterable[tuple[str, str]]], None],
        ) -> Iterable[bytes]:
            environ[OVERLOADED] = self._is_shedding()
            environ[DRAINING] = self.stop_at is not None
            body = application(environ, respond)
            if self.stop_at is not None or LAST in environ:
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
                if not connection.is_asking:
                    connection.timeout = min(connection.timeout, last_call)


def _shake_hands(connection: Connection) -> bool:
    try:
        return connection.shake_hands()
    except (OSError, ValueError) as error:
        _log.debug("no TLS with %s: %s", connection.client, error)
        raise
