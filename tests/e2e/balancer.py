"""Between an API server and the replicas of a webhook: spreads connections, as a Service does."""

import itertools
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

_CHUNK = 64 * 1024


class Balancer:
    """Listens on a port of loopback and hands each connection to the next backend."""

    def __init__(self, backends: Sequence[int]) -> None:
        self._next = itertools.cycle(backends)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Only this wakes who waits in accept.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for one in (self._listener, *tuple(self._open)):
            one.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._join(client, next(self._next))

    def _join(self, client: socket.socket, port: int) -> None:
        try:
            backend = socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:
            client.close()
            return
        backend.settimeout(None)
        self._open |= {client, backend}
        for one, other in ((client, backend), (backend, client)):
            threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(_CHUNK):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open -= {one, other}
