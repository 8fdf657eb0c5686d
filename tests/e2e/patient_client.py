"""A client of an API server that comes back when it is asked to, as client-go does."""

import http.client
import json
import re
import select
import socket
import ssl
import threading
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.controlplane.cluster import ControlPlane

Raw = dict[str, Any]

# As in k8s.io/client-go rest/request.go.
MOST_RETRIES = 10

# As in k8s.io/apimachinery pkg/util/net: code, agent, quoted text.
WARNING = re.compile(r'\d+ \S+ "((?:[^"\\]|\\.)*)"')


class Said(NamedTuple):
    """The last answer, and how often it was asked for."""

    status: int
    body: Raw
    tries: int
    warnings: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.status in {http.HTTPStatus.OK, http.HTTPStatus.CREATED}

    @property
    def is_denied(self) -> bool:
        """Whether a rule denied it, rather than anything else."""
        return self.status == http.HTTPStatus.FORBIDDEN and "; decision " in self.body["message"]


class PatientClient:
    """For many threads, each with a connection that is kept."""

    def __init__(
        self,
        plane: ControlPlane,
        most_retries: int = MOST_RETRIES,
        timeout_seconds: float = 30.0,
    ) -> None:
        self._most_retries = most_retries
        self._timeout_seconds = timeout_seconds
        self._context = ssl.create_default_context(cafile=str(plane.layout.authority))
        self._context.load_cert_chain(*plane.layout.admin)
        address = urlsplit(plane.server)
        self._address = str(address.hostname), address.port
        self._local = threading.local()
        self._connections: list[http.client.HTTPSConnection] = []

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._connections:
            connection.close()

    def create(self, path: str, raw: Raw) -> Said:
        return self._until_done("POST", path, raw)

    def update(self, path: str, raw: Raw) -> Said:
        return self._until_done("PUT", f"{path}/{raw['metadata']['name']}", raw)

    def apply(self, path: str, raw: Raw) -> Said:
        """Create it, or change of it what this client has written: server-side apply."""
        named = f"{path}/{raw['metadata']['name']}"
        return self._until_done("PATCH", f"{named}?fieldManager=test&force=true", raw)

    def get(self, path: str) -> Said:
        return self._until_done("GET", path, None)

    def delete(self, path: str, name: str) -> Said:
        return self._until_done("DELETE", f"{path}/{name}", None)

    def _until_done(self, method: str, path: str, raw: Raw | None) -> Said:
        tries = 0
        while True:
            answer = self._ask(method, path, raw)
            body = json.loads(answer.read())
            tries += 1
            retry_after = answer.headers.get("Retry-After")
            is_asked = answer.status == http.HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500
            if not is_asked or retry_after is None or tries > self._most_retries:
                return Said(answer.status, body, tries, _warnings(answer))
            time.sleep(int(retry_after))

    def _ask(self, method: str, path: str, raw: Raw | None) -> http.client.HTTPResponse:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(
                *self._address, timeout=self._timeout_seconds, context=self._context
            )
            self._local.connection = connection
            self._connections.append(connection)
        elif connection.sock is not None and _is_closed(connection.sock):
            connection.close()  # as Go's does, which looks while nothing is asked
        # Server-side apply takes YAML, which JSON is.
        kind = "apply-patch+yaml" if method == "PATCH" else "json"
        headers = {"Content-Type": f"application/{kind}"}
        try:
            connection.request(method, path, json.dumps(raw) if raw is not None else None, headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException):
            # Opened anew by the next request.
            connection.close()
            raise


def _is_closed(idle: socket.socket) -> bool:
    """Whether the other end has closed a connection on which no answer is waited for."""
    poll = select.poll()
    poll.register(idle, select.POLLIN)
    return bool(poll.poll(0))


def _warnings(answer: http.client.HTTPResponse) -> tuple[str, ...]:
    listed = WARNING.findall(", ".join(answer.headers.get_all("Warning", [])))
    return tuple(re.sub(r"\\(.)", r"\1", text) for text in listed)
