"""A real control plane on loopback: etcd, API server, controllers, scheduler, and kwok's nodes.

    python tests/controlplane/cluster.py up --nodes 2 --crds vpa --crds keda
    python tests/controlplane/cluster.py up -- kubectl get namespaces

The first form runs until Ctrl-C, the second as long as the command, which finds KUBECONFIG set.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

if __name__ == "__main__":
    # Run by its path: the imports below start at the root of the tree.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.controlplane.build import ToolchainError, binary, crds
from tests.controlplane.catalogue import CRD_PATTERNS
from tests.controlplane.components import LOOPBACK, Layout
from tests.controlplane.process import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# The controllers end at once. The API server drains for a minute, and its data is thrown away.
_STOP_SECONDS = 0.5


class ControlPlaneError(RuntimeError):
    """A component did not come up, or kubectl failed; the message holds its last words."""


class ControlPlane:
    """A control plane of its own in a temporary folder; a context manager.

    ``kwok`` adds the program that plays the kubelet of nodes made with add_node. ``arguments``
    adds command line arguments by program: ``{"kube-apiserver": ["--v=4"]}``. A ``folder`` that is
    given is kept after the end, logs and all.
    """

    def __init__(
        self,
        *,
        kwok: bool = False,
        arguments: Mapping[str, Sequence[str]] | None = None,
        folder: Path | None = None,
        timeout: float = 90.0,
    ) -> None:
        self._kwok = kwok
        self._arguments = dict(arguments or {})
        self._keep = folder
        self._timeout = timeout
        self._children: list[Child] = []
        self._layout: Layout | None = None

    @property
    def layout(self) -> Layout:
        """The files and ports of the running control plane."""
        if self._layout is None:
            raise ControlPlaneError("the control plane has not been started")
        return self._layout

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig for cluster-admin."""
        return self.layout.kubeconfig

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self.layout.server

    def start(self) -> Self:
        """Start everything and return when pods can be created."""
        names = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"]
        # Building takes minutes: before anything runs, and not inside a time limit.
        for name in [*names, "kwok"] if self._kwok else names:
            binary(name)
        folder = self._keep or Path(tempfile.mkdtemp(prefix="scaleguard-controlplane-"))
        folder.mkdir(parents=True, exist_ok=True)
        self._layout = layout = Layout(folder)
        atexit.register(self.stop)
        ports = layout.ports
        try:
            etcd = self.run("etcd", *layout.etcd())
            self.wait_for(etcd, lambda: self.answers(ports.etcd, "/health", tls=False))
            # Half of its collections for some more memory: tests ask it all the time.
            collects = {"GOGC": os.environ.get("GOGC", "200")}
            apiserver = self.run("kube-apiserver", *layout.apiserver(), environment=collects)
            self.wait_for(apiserver, lambda: self.answers(ports.apiserver, "/readyz"))
            manager = self.run("kube-controller-manager", *layout.controller_manager())
            scheduler = self.run("kube-scheduler", *layout.scheduler())
            if self._kwok:
                kwok = self.run("kwok", *layout.kwok())
                self.wait_for(kwok, lambda: self.answers(ports.kwok, "/healthz", tls=False))
            self.wait_for(scheduler, lambda: self.answers(ports.scheduler, "/readyz"))
            # Pods are refused until the controller has made the namespace's account.
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self.wait_for(manager, lambda: self.answers(ports.apiserver, account))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything that was started, and remove the temporary folder."""
        atexit.unregister(self.stop)
        children, self._children = self._children[::-1], []
        for child in children:
            child.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in children:
            child.reap(deadline)
        if self._layout is not None and self._keep is None:
            shutil.rmtree(self._layout.folder, ignore_errors=True)
        self._layout = None

    def run(
        self, name: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Child:
        """Start a program of the catalogue that ends with the control plane."""
        command = [str(binary(name)), *arguments, *self._arguments.get(name, ())]
        log = self.layout.folder / f"{name}.log"
        child = Child(name, command, log, dict(environment or {}))
        child.start()
        self._children.append(child)
        return child

    def child(self, name: str) -> Child:
        """Return a program of the control plane that runs, to be disturbed."""
        return next(one for one in self._children if one.name == name)

    def user(self, name: str, *groups: str) -> Path:
        """Return a kubeconfig for a user with these groups; RBAC decides what they may do."""
        return self.layout.user(name, *groups)

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it
        check: bool = True,
        kubeconfig: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, as cluster-admin unless another kubeconfig is given.

        Raises ControlPlaneError with what kubectl said when it fails and ``check`` is true.
        """
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            # Discovery of another run on the same port would be wrong here.
            "KUBECACHEDIR": str(self.layout.folder / "kubectl-cache"),
        }
        done = subprocess.run(
            [str(binary("kubectl")), *arguments],
            env=environment,
            input=input,
            # Not the caller's standard input: `kubectl apply -f -` would wait for a terminal.
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise ControlPlaneError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def install_crds(self, *names: str) -> None:
        """Install the real CRDs of such as ``vpa``, ``keda``; wait until they are served."""
        files = [argument for name in names for path in crds(name) for argument in ("-f", path)]
        if not files:
            return
        texts = [str(argument) for argument in files]
        # Server-side: KEDA's are longer than the annotation of a client-side apply may be.
        self.kubectl("apply", "--server-side", *texts)
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *texts)

    def add_node(
        self,
        name: str,
        *,
        allocatable: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Add a node; kwok makes it Ready and runs its pods."""
        resources = {"cpu": "32", "memory": "256Gi", "pods": "110", **(allocatable or {})}
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {"kubernetes.io/hostname": name, **(labels or {})},
            },
            "spec": {"taints": list(taints)},
            "status": {"allocatable": resources, "capacity": resources},
        }
        self.kubectl("create", "-f", "-", input=json.dumps(node))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answers(self, port: int, path: str, *, tls: bool = True) -> bool:
        """Say whether what listens on this port of loopback answers a GET with 200."""
        connection: http.client.HTTPConnection
        if tls:
            context = ssl.create_default_context(cafile=str(self.layout.authority))
            context.load_cert_chain(*self.layout.admin)
            connection = http.client.HTTPSConnection(LOOPBACK, port, timeout=5, context=context)
        else:
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                return connection.getresponse().status == http.HTTPStatus.OK
            except (OSError, http.client.HTTPException):
                return False

    def wait_for(self, child: Child, ready: Callable[[], bool]) -> None:
        """Return when it is ready; raise ControlPlaneError with its last words if it is not."""
        deadline = time.monotonic() + self._timeout
        while not ready():
            code = child.exit_code()
            if code is not None:
                problem = f"{child.name} ended with exit code {code}"
            elif time.monotonic() > deadline:
                problem = f"{child.name} was not ready after {self._timeout:.0f} s"
            else:
                time.sleep(0.05)
                continue
            raise ControlPlaneError(f"{problem}; the end of its log:\n{child.tail()}")


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _up(options: argparse.Namespace) -> int:
    # So that the context manager ends the children on SIGTERM too, in order.
    signal.signal(signal.SIGTERM, _terminated)
    started = time.monotonic()
    with ControlPlane(kwok=options.nodes > 0, folder=options.folder) as plane:
        plane.install_crds(*options.crds)
        for number in range(options.nodes):
            plane.add_node(f"node-{number}")
        sys.stderr.write(f"ready in {time.monotonic() - started:.1f} s at {plane.server}\n")
        path = os.pathsep.join([str(binary("kubectl").parent), os.environ.get("PATH", "")])
        if options.command:
            environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig), "PATH": path}
            return subprocess.run(options.command, env=environment, check=False).returncode
        sys.stdout.write(f"export KUBECONFIG={plane.kubeconfig}\nexport PATH={path}\n")
        sys.stdout.flush()
        signal.pause()
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="cluster.py", description="A real control plane.")
    commands = parser.add_subparsers(required=True)
    up = commands.add_parser("up", help="start it; runs until Ctrl-C, or as long as COMMAND")
    up.add_argument("--nodes", type=int, default=0, help="fake nodes to add, with kwok")
    up.add_argument("--crds", action="append", default=[], choices=sorted(CRD_PATTERNS))
    up.add_argument("--folder", type=Path, help="keep logs and certificates in this folder")
    up.add_argument("command", nargs="*", metavar="COMMAND", help="after --, to be run")
    options = parser.parse_args(arguments)
    try:
        return _up(options)
    except (ControlPlaneError, ToolchainError) as error:
        sys.stderr.write(f"cluster.py: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
