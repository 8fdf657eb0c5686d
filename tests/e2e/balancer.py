"""Between an API server and the replicas of a webhook: spreads connections, as a Service does."""

import itertools
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

_CHUNK = 64 * 1024
_PATIENCE_SECONDS = 5


class Balancer:
    """Listens on a port of loopback and hands each connection to the next backend."""

    def __init__(self, backends: Sequence[int] = (), *, fails_over: bool = False) -> None:
        """With `fails_over` it tries the next backend where one refuses the connection."""
        self._fails_over = fails_over
        self.backends = tuple(backends)
        """Their ports, which may be changed meanwhile; connections that there are stay."""
        self._turns = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._silent: frozenset[socket.socket] = frozenset()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        # Only this wakes who waits in accept or recv; what they hold they close themselves.
        for one in (self._listener, *tuple(self._open)):
            _shut(one)
        for thread in tuple(self._threads):
            thread.join(_PATIENCE_SECONDS)

    def silence(self) -> None:
        """Carry nothing more over the connections that there are, as where a cable was cut.

        Neither end learns of it; those that come are carried.
        """
        self._silent = frozenset(self._open)

    def _start(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _serve(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not (backends := self.backends):
                    client.close()
                    continue
                turn = next(self._turns) % len(backends)
                self._start(self._join, client, (*backends[turn:], *backends[:turn]))

    def _join(self, client: socket.socket, ports: Sequence[int]) -> None:
        """Carry a connection until one of its ends closes it."""
        with client, suppress(OSError), self._connected(ports) as backend:
            backend.settimeout(None)
            for end in (client, backend):  # else small parts wait for the other end's consent
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open |= {client, backend}
            back = self._start(self._pass_on, backend, client)
            self._pass_on(client, backend)
            back.join()
            self._open -= {client, backend}

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(_CHUNK):
                if one not in self._silent:
                    other.sendall(data)
        for end in (one, other):
            _shut(end)

    def _connected(self, ports: Sequence[int]) -> socket.socket:
        first, *others = ports
        try:
            return socket.create_connection(("127.0.0.1", first), timeout=_PATIENCE_SECONDS)
        except ConnectionRefusedError:
            if not (others and self._fails_over):
                raise
        return self._connected(others)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
