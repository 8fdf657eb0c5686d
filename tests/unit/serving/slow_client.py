"""A client of which a test sends each byte, and a worker whose turns it takes."""

import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from selectors import EVENT_READ

import pytest
from gunicorn.workers import base

from certs.authority import Names
from certs.store import ensure
from webhook.serving.gunicorn import _Application
from webhook.serving.multiprocess import SharedCounters
from webhook.serving.options import ServeOptions
from webhook.serving.unfinished import Unfinished
from webhook.serving.worker import Worker

NAMES = Names.of(["localhost"])
PATIENCE_SECONDS = 30.0


class SlowClient:
    """Speaks TLS; what it has to say is sent by whoever wants it sent."""

    def __init__(self, connected: socket.socket, folder: Path) -> None:
        self.socket = connected
        self.socket.settimeout(0)
        self._received, self._written = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=folder / "ca.crt")
        self._tls = context.wrap_bio(self._received, self._written, server_hostname="localhost")

    def shake_hands(self, other_side: Callable[[], object]) -> None:
        """Shake hands, with the other side going on in between until it says that it is over."""
        while True:
            with suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
            self.socket.sendall(self._written.read())
            if other_side():
                return
            with suppress(BlockingIOError):
                self._received.write(self.socket.recv(65536))

    def record(self, said: bytes) -> bytes:
        """Return a record of TLS, unsent."""
        self._tls.write(said)
        return self._written.read()

    def say(self, said: bytes) -> None:
        """Send something as a whole."""
        self.socket.sendall(self.record(said))

    def is_hung_up_on(self) -> bool:
        """Whether the other side has closed, at this moment."""
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


def application(folder: Path) -> _Application:
    """Make what gunicorn asks for its settings, with a certificate."""
    ensure(folder, NAMES, datetime.now(UTC))
    options = ServeOptions("127.0.0.1:0", folder, NAMES)
    return _Application(options, lambda _: None, SharedCounters(folder), None, None)


class Turns:
    """A worker in this process: its event loop goes on only when it is told to."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder, self._opened = folder, opened
        self._listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        made = application(folder)
        log = logging.getLogger("gunicorn.error")
        self.worker = Worker(1, os.getppid(), [self._listener], made, 30, made.cfg, log)
        self.worker.init_process()
        poller, queue = self.worker.poller, self.worker.method_queue
        poller.register(self.worker._unfinished, EVENT_READ, Unfinished.hear_some)
        woken_by = queue.fileno()
        assert woken_by is not None
        poller.register(woken_by, EVENT_READ, queue.run_callbacks)
        self.worker.set_accept_enabled(True)
        opened.callback(self._close)

    def _close(self) -> None:
        worker = self.worker
        for connection in (*worker.pending_conns, *worker.keepalived_conns):
            connection.close()
        for pool in (worker.tpool, worker._shed_pool, worker._handshake_pool, worker._patient_pool):
            pool.shutdown()
        for one in (worker.poller, worker._unfinished, worker.method_queue, worker.tmp):
            one.close()

    def take(self, seconds: float = 0.0) -> None:
        """Take one turn, as the event loop does."""
        self.worker.wait_for_and_dispatch_events(seconds)
        self.worker.murder_keepalived()
        self.worker.murder_pending()

    def until(self, happened: Callable[[], object]) -> None:
        """Take turns until something has happened."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < deadline
            self.take(0.01)

    def call(self) -> socket.socket:
        """Connect, without having been accepted."""
        address = self._listener.getsockname()
        found = self._opened.enter_context(socket.create_connection(address))
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def client(self) -> SlowClient:
        """Return a client that has shaken hands, and is waited for."""
        found, waiting = SlowClient(self.call(), self._folder), self.worker.keepalived_conns
        before = len(waiting)

        def shaken() -> bool:
            self.take(0.01)
            return len(waiting) > before

        found.shake_hands(shaken)
        return found


@contextmanager
def turns(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Turns]:
    """Begin to work, without what is of a process alone: signals, the application, the loop."""
    patch.setattr(base.Worker, "init_process", lambda _: None)
    with ExitStack() as opened:
        yield Turns(folder, opened)
