"""Helm, and the webhook as a local process that runs as the chart says."""

import base64
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import Child, free_ports
from tests.e2e.mount import Mount

CHART = Path(__file__).resolve().parents[2] / "charts" / "scaleguard"
NAMESPACE = "guard"
RELEASE = "scaleguard"
CONFIGURATIONS = "validatingwebhookconfigurations,mutatingwebhookconfigurations"

# Made by the cluster itself, at times of its own.
_FLEETING = {"events", "events.events.k8s.io", "leases.coordination.k8s.io"}


class Helm:
    """helm, with a home of its own."""

    def __init__(self, folder: Path, kubeconfig: Path | None = None) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if "HELM" not in name},
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig or folder / "none"),
        }

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(binary("helm")), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def install(self, *arguments: str) -> str:
        """Without hooks: where no kubelet runs, the Job that waits for the webhook never ends."""
        where = ("--namespace", NAMESPACE, "--no-hooks")
        return self("install", RELEASE, str(CHART), *where, *arguments)

    def upgrade(self, *arguments: str) -> str:
        where = ("--namespace", NAMESPACE, "--no-hooks")
        return self("upgrade", RELEASE, str(CHART), *where, *arguments)

    def uninstall(self) -> None:
        self("uninstall", RELEASE, "--namespace", NAMESPACE)


def argument(written: str, own: dict[str, str]) -> str:
    """An argument of a container, with the value that it has here."""
    name, has_value, value = written.removeprefix("--").partition("=")
    return f"--{name}={own.get(name, value)}" if has_value else written


class InChart:
    """A local process, run as a Deployment of the chart says, with its ServiceAccount."""

    def __init__(
        self, plane: ControlPlane, folder: Path, program: str, name: str, own: dict[str, str]
    ) -> None:
        """`own` are the options that differ here."""
        self.plane, self.folder = plane, folder
        account = folder / f"{program}.kubeconfig"
        account.write_text(json.dumps(self._account(name)), encoding="utf-8")
        path = (folder / "config.yaml").absolute()
        config = self._get("configmap", RELEASE)["data"]["config.yaml"]
        path.write_text(config, encoding="utf-8")
        own = {"metrics-bind": "127.0.0.1:0", "config": str(path), **own}
        pod = self._get("deployment", name)["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert container["command"] == ["scaleguard", program]
        self.arguments = [argument(one, own) for one in container["args"]]
        # The kubelet's part, where the pod mounts what is served.
        volumes = [one for one in pod["volumes"] if one["name"] == "certificates"]
        self.mount = Mount(plane, NAMESPACE, volumes[0], Path(own["cert-dir"])) if volumes else None
        command = [sys.executable, "-m", "webhook", program, *self.arguments]
        environment = {"KUBECONFIG": str(account)}
        self.child = Child(program, command, folder / f"{program}.log", environment)

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        found = self.plane.kubectl("-n", NAMESPACE, "get", kind, name, "-o", "json")
        taken: dict[str, Any] = json.loads(found.stdout)
        return taken

    def _account(self, name: str) -> dict[str, Any]:
        token = self.plane.kubectl("-n", NAMESPACE, "create", "token", name).stdout.strip()
        authority = base64.b64encode(self.plane.layout.authority.read_bytes()).decode()
        cluster = {"server": self.plane.server, "certificate-authority-data": authority}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": {"token": token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "current-context": "it",
        }

    def __enter__(self) -> Self:
        if self.mount is not None:
            self.mount.__enter__()
        self.child.start()
        eventually(lambda: self.status() == 200, self.child.name, self.child.tail)
        return self

    def __exit__(self, *_: object) -> None:
        self.child.terminate()
        self.child.reap(time.monotonic() + 15)
        if self.mount is not None:
            self.mount.__exit__()

    def status(self) -> int:
        """What /readyz answers; 0 for no answer."""
        raise NotImplementedError


class Controller(InChart):
    """The controller."""

    def __init__(
        self, plane: ControlPlane, folder: Path, port: int, own: dict[str, str] | None = None
    ) -> None:
        self.port = port
        own = {"metrics-bind": f"127.0.0.1:{port}", **(own or {})}
        super().__init__(plane, folder, "controller", f"{RELEASE}-controller", own)

    def status(self) -> int:
        """What /readyz answers; 0 for no answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()


class Webhook(InChart):
    """The webhook."""

    def __init__(self, plane: ControlPlane, folder: Path, port: int, notes: str) -> None:
        self.port, self.notes = port, notes
        self.certificates = folder / "certificates"
        own = {
            "bind": f"127.0.0.1:{port}",
            "cert-dir": str(self.certificates),
            "drain-seconds": "0",
        }
        self.metrics_port = free_ports(1)[0]
        own["metrics-bind"] = f"127.0.0.1:{self.metrics_port}"
        super().__init__(plane, folder, "webhook", RELEASE, own)

    def segment(self) -> str:
        """The path at which it is asked now."""
        return (self.certificates / "path").read_text("ascii")

    def metric(self, name: str) -> float:
        """A metric without labels."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(one.split()[1]) for one in lines if one.startswith(f"{name} ")), 0.0)

    def status(self) -> int:
        """What /readyz answers, whoever signed its certificate; 0 for no answer."""
        return self._readyz()[0]

    def reasons(self) -> list[str]:
        """Why it is not ready."""
        reasons: list[str] = json.loads(self._readyz()[1]).get("reasons", [])
        return reasons

    def _readyz(self) -> tuple[int, bytes]:
        unverified = ssl._create_unverified_context()  # noqa: S323
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=5, context=unverified)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b"{}"
        finally:
            connection.close()


def lead_here(plane: ControlPlane) -> None:
    """Have the Service of the chart lead to this machine."""
    plane.kubectl("-n", NAMESPACE, "delete", "service", RELEASE)
    external = ("create", "service", "externalname", RELEASE, "--external-name=localhost")
    plane.kubectl("-n", NAMESPACE, *external)


def everything(plane: ControlPlane) -> set[str]:
    """Every object of the cluster."""
    listed = plane.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    kinds = ",".join(kind for kind in listed if kind not in _FLEETING)
    columns = "custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name"
    found = plane.kubectl("get", kinds, "-A", "--no-headers", "--ignore-not-found", "-o", columns)
    return {" ".join(line.split()) for line in found.stdout.splitlines()}


def ca_bundles(plane: ControlPlane) -> set[str]:
    found = json.loads(plane.kubectl("get", CONFIGURATIONS, RELEASE, "-o", "json").stdout)
    clients = [entry["clientConfig"] for one in found["items"] for entry in one["webhooks"]]
    return {client.get("caBundle", "") for client in clients}


def paths(plane: ControlPlane) -> set[str]:
    """At which paths the API server asks."""
    found = json.loads(plane.kubectl("get", CONFIGURATIONS, RELEASE, "-o", "json").stdout)
    clients = [entry["clientConfig"] for one in found["items"] for entry in one["webhooks"]]
    return {client["service"].get("path", "") for client in clients}


def eventually(
    holds: Callable[[], bool], what: str, said: Callable[[], str] = str, seconds: float = 40
) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} took longer than {seconds} s\n{said()}"
        time.sleep(0.1)


@contextmanager
def plane_for_charts(*of_the_api_server: str) -> Iterator[ControlPlane]:
    """A control plane with the CRDs that the chart is about, and its namespace."""
    with ControlPlane(arguments={"kube-apiserver": of_the_api_server}) as running:
        running.install_crds("vpa", "keda", "prometheus-operator", "cert-manager")
        running.kubectl("create", "namespace", NAMESPACE)
        yield running
