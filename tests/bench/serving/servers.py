"""Who answers reviews: the webhook as in production, the floors, and webhooks of others."""

import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from multiprocessing import Process
from pathlib import Path
from typing import Any

from tests.bench.audit_overhead import receive
from tests.bench.serving.usage import worker
from tests.controlplane.process import Child, free_ports
from tests.e2e.webhook_process import WebhookProcess, wait_until

SERVER_CORE, DRIVER_CORE = 0, 1

_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Server:
    """Somebody who answers reviews."""

    name: str
    url: str
    """Where `{endpoint}` stands for mutate or validate."""
    process: int | None
    """The worker; None where it is somebody else's."""
    authority: Path | None = None
    """Who signed its certificate; None: whoever it is."""

    def at(self, endpoint: str) -> str:
        """Where reviews are asked for."""
        url = self.url.replace("{endpoint}", endpoint)
        # As an API server does it: it says with each review how long it waits.
        return f"{url}{'&' if '?' in url else '?'}timeout=3s"


def pinned(command: list[str]) -> list[str]:
    """Run a command, and all that it starts, on the one core that servers have."""
    return ["taskset", "--cpu-list", str(SERVER_CORE), *command]


class Webhook(WebhookProcess):
    """`scaleguard webhook`: one worker, TLS, records for the audit, metrics."""

    def __init__(self, folder: Path, state: list[str], audit_port: int, **config: Any) -> None:
        super().__init__(folder, folder, **config)
        at = self.command.index("--kubeconfig")
        self.command[at : at + 2] = state
        spool = ["--audit-spool", str(folder / "spool")]
        self.command += [*spool, "--audit-url", f"http://127.0.0.1:{audit_port}"]
        self.command = pinned(self.command)

    @property
    def worker(self) -> int:
        """The process that answers."""
        assert self.process is not None
        return worker(self.process.pid)

    def server(self, name: str) -> Server:
        """Say where it answers."""
        url = f"https://127.0.0.1:{self.port}/{{endpoint}}"
        return Server(name, url, self.worker, self.folder / "certs" / "ca.crt")


@contextmanager
def audit() -> Iterator[int]:
    """Take whatever records are delivered; yields the port."""
    port = free_ports(1)[0]
    process = Process(target=receive, args=(port,), daemon=True)
    process.start()
    try:
        yield port
    finally:
        process.terminate()
        process.join()


@contextmanager
def floor(name: str, app: str, folder: Path, certificates: Path) -> Iterator[Server]:
    """A no-op on gunicorn as people start it, with the certificate of a webhook."""
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    child = Child(
        name,
        pinned(
            [
                *(sys.executable, "-m", "gunicorn", f"tests.bench.serving.floors:{app}"),
                *("--worker-class", "gthread", "--workers", "1", "--threads", "8"),
                *("--bind", f"127.0.0.1:{port}", "--keep-alive", "120", "--no-control-socket"),
                *("--certfile", str(certificates / "tls.crt")),
                *("--keyfile", str(certificates / "tls.key")),
                *("--worker-tmp-dir", "/dev/shm"),  # noqa: S108 - a heartbeat: as the webhook has it
            ]
        ),
        folder / "log",
        {"PYTHONPATH": str(_ROOT)},
    )
    child.start()
    try:
        authority = certificates / "ca.crt"
        wait_until(lambda: _listens(port, authority), what=f"{name}: {child.tail()}")
        url = f"https://127.0.0.1:{port}/{{endpoint}}"
        yield Server(name, url, worker(child.pid), authority)
    finally:
        child.terminate()
        child.reap(0)


@contextmanager
def floors(folder: Path, certificates: Path) -> Iterator[list[Server]]:
    """Both of them."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(floor(name, app, folder / app.rstrip("()"), certificates))
            for name, app in (("Flask no-op", "flask()"), ("bare WSGI no-op", "wsgi"))
        ]


def _listens(port: int, authority: Path) -> bool:
    context = ssl.create_default_context(cafile=authority)
    connection = HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    with closing(connection):
        try:
            connection.connect()
        except (OSError, HTTPException):
            return False
    return True


def keep_to_driver_core() -> None:
    """Keep this process, and all that it starts without `pinned`, off the servers' core."""
    if (os.cpu_count() or 1) <= max(SERVER_CORE, DRIVER_CORE):
        raise SystemExit("two cores are needed: one for the server, one for who asks it")
    os.sched_setaffinity(0, {core for core in os.sched_getaffinity(0) if core != SERVER_CORE})
