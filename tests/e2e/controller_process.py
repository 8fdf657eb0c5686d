"""`scaleguard controller` in a process of its own, as a user with the rights of its role."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import yaml

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports

USER = "system:serviceaccount:scaleguard:scaleguard-controller"
ROLE = Path(__file__).with_name("controller_rbac.yaml")

READY_WITHIN_SECONDS = 30.0


def grant(plane: ControlPlane) -> None:
    """Give the controller's user the rights of its role."""
    role = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role["metadata"]["name"]},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role["metadata"]["name"],
        },
        "subjects": [{"kind": "User", "name": USER, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    for raw in (role, binding):
        plane.kubectl("apply", "-f", "-", input=json.dumps(raw))


class ControllerProcess:
    """One replica; a context manager."""

    def __init__(self, plane: ControlPlane, folder: Path, *arguments: str, **config: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (self.metrics_port,) = free_ports(1)
        self.settings = folder / "config.yaml"
        self.settings.write_text(json.dumps(config), encoding="utf-8")
        self.command = [
            *(sys.executable, "-m", "webhook", "controller"),
            *("--kubeconfig", str(plane.user(USER))),
            *("--metrics-bind", f"127.0.0.1:{self.metrics_port}"),
            *("--config", str(self.settings), *arguments),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(self.command, stderr=log, stdout=log)
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def kill(self) -> None:
        """End it as a node that goes away would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)
        self.process = None

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def is_ready(self) -> bool:
        try:
            return self._get("/readyz")[0] == 200
        except OSError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the series with these labels."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        total = 0.0
        for line in self._get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            found, _, inside = series.partition("{")
            if found == name and wanted <= set(inside.rstrip("}").split(",")):
                total += float(value)
        return total

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.metrics_port}{path}", timeout=5
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
