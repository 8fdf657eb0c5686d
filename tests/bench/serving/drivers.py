"""Who asks: wrk for as much as it can get, vegeta at a fixed rate."""

import base64
import csv
import json
import math
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.build import binary

CONNECTIONS = 8

# What an API server keeps open; a burst may want more than are asked of at once.
_MOST_CONNECTIONS = 25

_SCRIPT = Path(__file__).with_name("post.lua")
_OK = "200"


class Failed(Exception):  # noqa: N818 - what became of a run
    """Somebody did not answer as they should have; the message says who and how."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was answered at most."""

    requests: int
    seconds: float


def throughput(url: str, bodies: Path, seconds: float) -> Throughput:
    """Ask over eight connections, each again as soon as it has its answer."""
    said = run(
        [
            *("wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--timeout", "10s"),
            *("--duration", f"{seconds:.0f}s", "--script", str(_SCRIPT), url, "--", str(bodies)),
        ]
    )
    found = json.loads(said.splitlines()[-1])
    if found["refused"] or found["broken"]:
        raise Failed(f"{url}: {found['refused']} refused, {found['broken']} broken: {said}")
    return Throughput(found["requests"], found["seconds"])


def write_targets(path: Path, asked: Iterable[tuple[str, bytes]]) -> None:
    """Write URLs and bodies that vegeta is to send."""
    header = {"Content-Type": ["application/json"]}
    with path.open("w", encoding="utf-8") as file:
        for url, body in asked:
            target = {"method": "POST", "url": url, "header": header}
            file.write(json.dumps(target | {"body": base64.b64encode(body).decode()}) + "\n")


def latencies(targets: Path, rate: float, seconds: float) -> list[float]:
    """Ask at a rate, whether there are answers or not; return milliseconds, in order.

    vegeta has a worker for each request that is due and not answered: it counts from the moment
    at which it was due, also where it waits for a connection.
    """
    results = targets.with_suffix(".results")
    run(
        [
            *(str(binary("vegeta")), "attack", "-format=json", f"-targets={targets}"),
            *(f"-rate={rate:.0f}/1s", f"-duration={seconds:.3f}s", "-insecure", "-http2=false"),
            *(f"-connections={_MOST_CONNECTIONS}", f"-max-connections={_MOST_CONNECTIONS}"),
            *("-max-body=0", f"-output={results}"),
        ]
    )
    rows = answered(results)
    failed = [row for row in rows if row[1] != _OK]
    if failed:
        raise Failed(f"{targets.stem}: {len(failed)} of {len(rows)} failed: {failed[0]}")
    return sorted(int(row[2]) / 1e6 for row in rows)


def answered(results: Path) -> list[list[str]]:
    """Read what vegeta noted: when it was due, status, how long it took, in nanoseconds, and more.

    The columns are those of `vegeta encode -to=csv`.
    """
    encoded = run([str(binary("vegeta")), "encode", "-to=csv", str(results)])
    return list(csv.reader(encoded.splitlines()))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that a share of all does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def run(command: list[str]) -> str:
    """Run a program; return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{Path(command[0]).name}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
