"""`scaleguard webhook` in a process of its own, spoken to as an API server would."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Self

from tests.controlplane.process import free_ports

Raw = dict[str, Any]

READY_WITHIN_SECONDS = 90


class WebhookProcess:
    """Follows the cluster of a kubeconfig; a context manager."""

    def __init__(self, folder: Path, kubeconfig: Path, **config: Any) -> None:
        self.folder = folder
        self.port, self.metrics_port = free_ports(2)
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "config.yaml"
        settings.write_text(json.dumps(config), encoding="utf-8")
        self.command = [
            *(sys.executable, "-m", "webhook", "webhook", "--kubeconfig", str(kubeconfig)),
            *("--bind", f"127.0.0.1:{self.port}", "--cert-dir", str(folder / "certs")),
            *("--metrics-bind", f"127.0.0.1:{self.metrics_port}", "--config", str(settings)),
            *("--log-level", "info"),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log, stdout=log)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)

    def kill(self) -> None:
        """Kill all its processes at once, in the middle of whatever they do."""
        assert self.process is not None
        for one in (self.process.pid, *children(self.process.pid)):
            os.kill(one, signal.SIGKILL)
        self.process.wait(20)

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def wait_until_ready(self) -> None:
        """Wait; what it says of itself is in the failure where that takes too long."""
        try:
            wait_until(self.ready)
        except AssertionError as error:
            raise AssertionError(f"not ready: {self.reasons()}\n{self.log()}") from error

    def ready(self) -> bool:
        return self.reasons() == []

    def reasons(self) -> list[str] | None:
        """Why it is not ready; none where it is; None where it does not answer."""
        try:
            status, body = self._ask("GET", "/readyz")
        except (OSError, HTTPException):
            return None
        reasons: list[str] = [] if status == 200 else body.get("reasons", ["?"])
        return reasons

    def validate(self, raw: Raw) -> bool | None:
        """Whether an object may be created; None where there is no verdict."""
        group, _, version = str(raw["apiVersion"]).rpartition("/")
        request = {
            "uid": str(uuid.uuid4()),
            "kind": {"group": group, "version": version, "kind": raw["kind"]},
            "resource": {"group": group, "version": version, "resource": ""},
            "namespace": raw["metadata"]["namespace"],
            "operation": "CREATE",
            "object": raw,
        }
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        status, body = self._ask("POST", "/validate", review | {"request": request})
        return bool(body["response"]["allowed"]) if status == 200 else None

    def metric(self, name: str, **labels: str) -> float | None:
        connection = HTTPConnection("127.0.0.1", self.metrics_port, timeout=5)
        connection.request("GET", "/metrics")
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in connection.getresponse().read().decode().splitlines():
            series, _, value = line.rpartition(" ")
            found, _, inside = series.partition("{")
            if found == name and wanted <= set(inside.rstrip("}").split(",")):
                connection.close()
                return float(value)
        connection.close()
        return None

    def _ask(self, method: str, path: str, body: Raw | None = None) -> tuple[int, Raw]:
        authority = self.folder / "certs" / "ca.crt"
        if not authority.exists():
            raise ConnectionRefusedError
        context = ssl.create_default_context(cafile=authority)
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context)
        headers = {"Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


class Reviews:
    """Asks about one object again and again, in a thread, and counts the answers."""

    def __init__(self, webhook: WebhookProcess, raw: Raw) -> None:
        self._webhook = webhook
        self._raw = raw
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answers: Counter[bool | None] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._over.wait(0.02):
            self.answers[self._webhook.validate(self._raw)] += 1


def wait_until(
    happened: Callable[[], object], seconds: float = READY_WITHIN_SECONDS, what: str = ""
) -> float:
    """Wait for something; return how many seconds that took."""
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() - begun < seconds, what or "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - begun


def children(process: int) -> set[int]:
    """The processes that a process has started, and that still run."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    return {int(child) for child in listed.split()}
