"""A client's connection: it shakes hands and is listened to without a thread that would wait."""

import fcntl
import logging
import socket
import ssl
import sys
import termios
import time
from contextlib import suppress
from select import POLLIN, poll
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.gthread import TConn

from webhook.serving import tls
from webhook.serving.arriving import Arrival, Arriving
from webhook.serving.parser import Parser

# Of one record of TLS; what is read at a time is a quarter of a body of 7 MiB at most, in some
# milliseconds.
_RECORD_BYTES = 16 * 1024
_MOST_RECORDS = 128

# Of answers that a client has not read the kernel keeps these, twice as much with what it needs for
# that itself; and one that begins below the second bound is never waited for.
_SEND_BUFFER_BYTES = 256 * 1024
_MOST_UNREAD_BYTES = 64 * 1024

_log = logging.getLogger("scaleguard.server")


class Connection(TConn):
    """What is known of a connection between two requests, beside what gunicorn knows."""

    timeout: float
    parser: RequestParser | None  # no other protocol is served
    is_counted = False
    """Whether it is one of those in flight."""
    is_asking = False
    """Whether a request has begun that nobody has taken yet."""
    whole_bytes = 0
    """How much the request has that a thread answers, or that waits for one."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.since = time.monotonic()
        """When it came, shook hands, or began a request: since when something is waited for."""
        self.arriving = Arriving()
        self._has_asked = False
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)

    @property
    def held_bytes(self) -> int:
        """How much has come of a request that is not there as a whole."""
        return len(self.arriving.bytes)

    @property
    def is_silent(self) -> bool:
        """Whether nothing has ever been asked over it."""
        return not self._has_asked and (self.parser is None or self.parser.req_count == 0)

    @property
    def unreader(self) -> Unreader:
        """What the parser reads from, once hands are shaken."""
        assert self.parser is not None  # noqa: S101 - made with the handshake
        return self.parser.unreader

    def expect_handshake(self) -> None:
        """Set the deadline of the handshake, at its first byte."""
        if not isinstance(self.sock, ssl.SSLSocket):
            self.timeout = time.monotonic() + tls.HANDSHAKE_SECONDS

    def shake_hands(self) -> bool:
        """Go on with the handshake as far as what has come allows; say whether it is over.

        Raises `OSError` where there will be none.
        """
        if not isinstance(self.sock, ssl.SSLSocket):
            self.sock = ssl_wrap_socket(self.sock, self.cfg)
        try:
            self.sock.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        self.parser = Parser(self.cfg, self.sock, self.client)
        self.initialized = True
        self.since = time.monotonic()
        return True

    def listen(self) -> Arrival | None:
        """Take what has come, without waiting; None where nothing will come any more."""
        self.sock.settimeout(0)
        if not self.is_asking:  # once for each: of a record of TLS, bytes may come for ever
            self.is_asking = True
            self.since = time.monotonic()
            self.timeout = self.since + tls.REQUEST_SECONDS
        self.arriving.add(self.unreader.take_buffered())
        is_over = not self._receive()
        state = self.arriving.state()
        return None if is_over and state is Arrival.PARTLY else state

    def hand_over(self) -> None:
        """Give the parser what has come."""
        self.is_asking = False
        if self.arriving.bytes:
            self.unreader.unread(self.arriving.take())

    def answer(self, answer: bytes) -> bool:
        """Answer all that has come, before the deadline of a request; say whether that went."""
        self.arriving.drop()
        self.is_asking = False
        self._has_asked = True
        self.sock.settimeout(None)
        try:
            self.sock.sendall(answer)
        except (OSError, ValueError) as error:
            _log.debug("an answer was not taken by %s: %s", self.client, error)
            return False
        return True

    def _receive(self) -> bool:
        """Receive until nothing is there, or a request is; say whether more may come."""
        for _ in range(_MOST_RECORDS):
            if self.arriving.state() is not Arrival.PARTLY:
                return True
            try:
                data = self.sock.recv(_RECORD_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                return True
            except (OSError, ValueError):
                return False
            if not data:
                return False
            self.arriving.add(data)
        return True

    def speaks_within(self, seconds: float) -> bool:
        """Whether something of a next request comes within a time, or has come already."""
        if self.unreader.buf.getvalue():
            return True
        poller = poll()
        poller.register(self.sock, POLLIN)
        return bool(poller.poll(seconds * 1000))

    def is_read(self) -> bool:
        """Whether the client reads its answers: a thread would wait for who does not."""
        unread = fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(unread, sys.byteorder) <= _MOST_UNREAD_BYTES

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - as in gunicorn
        """Close without waiting: gunicorn would hold its event loop for up to two seconds.

        What the client has sent already is read, because closing on unread data resets the
        connection and takes the answer with it.
        """
        with suppress(OSError, ValueError):
            if graceful:
                self.sock.settimeout(0)
                self.sock.shutdown(socket.SHUT_WR)
                self.sock.recv(_MOST_UNREAD_BYTES)
        with suppress(OSError):
            self.sock.close()
