"""Rounds in which all are asked by turns: whatever else the machine does is done to all of them."""

import json
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPSConnection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from tests.bench.serving.drivers import (
    Failed,
    latencies,
    quantile,
    throughput,
    write_targets,
)
from tests.bench.serving.rows import Row
from tests.bench.serving.servers import Server
from tests.bench.serving.usage import cpu_milliseconds

_WARM_UP_SECONDS = 1.0
_LOAD = 0.5
"""Of its own maximum: at more, latencies say how near the maximum is."""
_PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


@dataclass(slots=True)
class Measured:
    """What was measured of one server in one row: a value for each round."""

    server: str
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, figure: str, value: float) -> None:
        """Note what a round gave."""
        self.figures.setdefault(figure, []).append(value)

    def median(self, figure: str) -> float | None:
        """What is said of all rounds."""
        values = self.figures.get(figure)
        return median(values) if values else None


@dataclass(frozen=True, slots=True)
class Rounds:
    """How much is measured."""

    count: int
    seconds: float
    bodies: int


def measure(
    row: Row,
    servers: Sequence[Server],
    rounds: Rounds,
    folder: Path,
    say: Callable[[str], None],
) -> tuple[list[Measured], int]:
    """Measure one row; return what was measured of each server, and the rate of the latencies.

    The first server is the one whose maximum decides about the rate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bodies = row.bodies(rounds.bodies)
    lines = folder / f"{row.name}.bodies"
    lines.write_bytes(b"\n".join(bodies) + b"\n")
    found = [Measured(server.name) for server in servers]
    targets = [folder / f"{row.name}.{number}.targets" for number in range(len(servers))]
    for server, path in zip(servers, targets, strict=True):
        check(row, server, bodies[0])
        write_targets(path, ((server.at(row.endpoint), body) for body in bodies))
        throughput(server.at(row.endpoint), lines, _WARM_UP_SECONDS)
    for number in range(rounds.count):
        for server, measured in _turn(number, servers, found):
            say(f"{row.name}: round {number + 1} of {rounds.count}, {server.name}")
            _at_most(row, server, lines, rounds.seconds, measured)
    rate = max(1, round((found[0].median("requests per second") or 0) * _LOAD))
    at = dict(zip((server.name for server in servers), targets, strict=True))
    for number in range(rounds.count):
        for server, measured in _turn(number, servers, found):
            said = f"{row.name}: round {number + 1} of {rounds.count}, {server.name}, {rate}/s"
            say(said)
            took = latencies(at[server.name], rate, rounds.seconds)
            for name, share in _PERCENTILES.items():
                measured.add(name, quantile(took, share))
    return found, rate


def _turn(
    number: int, servers: Sequence[Server], found: Sequence[Measured]
) -> list[tuple[Server, Measured]]:
    """Everybody once, beginning with another one each time."""
    both = list(zip(servers, found, strict=True))
    first = number % len(both)
    return both[first:] + both[:first]


def _at_most(row: Row, server: Server, lines: Path, seconds: float, measured: Measured) -> None:
    before = cpu_milliseconds(server.process) if server.process is not None else 0.0
    had = throughput(server.at(row.endpoint), lines, seconds)
    measured.add("requests per second", had.requests / had.seconds)
    if server.process is not None and had.requests:
        spent = cpu_milliseconds(server.process) - before
        measured.add("CPU milliseconds", spent / had.requests)


def check(row: Row, server: Server, body: bytes) -> None:
    """Ask once and look at the answer; what answers anything else is not measured."""
    url = urlsplit(server.at(row.endpoint))
    context = ssl.create_default_context(cafile=server.authority)
    if server.authority is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection(url.hostname or "", url.port, timeout=10, context=context)
    with closing(connection):
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"{url.path}?{url.query}", body, headers)
        reply = connection.getresponse()
        text = reply.read()
    if reply.status != HTTPStatus.OK:
        raise Failed(f"{server.name}: {row.name} is answered {reply.status}: {text[:500]!r}")
    response: dict[str, Any] = json.loads(text)["response"]
    if not server.name.startswith("scaleguard"):
        return
    if (response["allowed"], "patch" in response) != (row.allowed, row.patched):
        raise Failed(f"{server.name}: {row.name} is answered otherwise: {text[:500]!r}")
