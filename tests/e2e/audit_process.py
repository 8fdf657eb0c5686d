"""`scaleguard audit` in a process of its own, spoken to over HTTPS."""

import json
import os
import signal
import ssl
import subprocess
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Self

from tests.controlplane.process import free_ports
from tests.e2e.webhook_process import children, wait_until

Raw = dict[str, Any]


class AuditProcess:
    """Knows the tokens of a cluster; a context manager."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.port, self.metrics_port = free_ports(2)
        folder.mkdir(parents=True, exist_ok=True)
        self.command = [
            *(sys.executable, "-m", "webhook", "audit", "--bind", f"127.0.0.1:{self.port}"),
            *("--cert-dir", str(folder / "certs"), "--data", str(folder / "data")),
            *("--metrics-bind", f"127.0.0.1:{self.metrics_port}", *arguments),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        """Who signed the certificate that it serves."""
        return self.folder / "certs" / "ca.crt"

    def __enter__(self) -> Self:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log, stdout=log)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)

    def kill(self) -> None:
        """End master and workers without a word to either."""
        assert self.process is not None
        for process in (self.process.pid, *children(self.process.pid)):
            os.kill(process, signal.SIGKILL)
        self.process.wait(20)

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def wait_until_ready(self) -> None:
        """Wait; what it logged is in the failure where that takes too long."""
        try:
            wait_until(self._ready)
        except AssertionError as error:
            raise AssertionError(f"not ready:\n{self.log()}") from error

    def ask(
        self, method: str, path: str, token: str | None = None, body: Raw | None = None
    ) -> tuple[int, Raw]:
        context = ssl.create_default_context(cafile=self.authority)
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def metrics(self) -> str:
        connection = HTTPConnection("127.0.0.1", self.metrics_port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def _ready(self) -> bool:
        try:
            return self.authority.exists() and self.ask("GET", "/readyz")[0] == 200
        except (OSError, HTTPException):
            return False
