"""All that scaleguard is made of, as its chart has it, before a real API server."""

import itertools
import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from tests.chaos.memory import tree
from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import Child, free_ports
from tests.e2e.audit_process import AuditProcess
from tests.e2e.balancer import Balancer
from tests.e2e.chart import (
    CONFIGURATIONS,
    NAMESPACE,
    RELEASE,
    Controller,
    Helm,
    InChart,
    Webhook,
    eventually,
    lead_here,
)
from tests.e2e.chart_audit import audit_process, deliver
from tests.postgres import Postgres
from tests.unit.mount import Mount
from tests.unit.policy.rego import RULE

Raw = dict[str, Any]

SHOPS = tuple(f"shop-{number}" for number in range(4))
"""The namespaces of the load."""

# Nobody measures here, and each HPA of the load would be looked at every 15 s.
_NO_SCALING = ["--controllers=*,-horizontal-pod-autoscaler-controller"]

_RESTART_SECONDS = 2.0
"""How long a container that died is away before a kubelet starts it again."""

_MOST_FAILURES = 2
"""`failureThreshold` of the chart's readiness probe."""


class Files:
    """Configuration and rules of a process, mounted."""

    def __init__(self, of: InChart) -> None:
        self.config, self.rules = Mount(of.folder / "config"), Mount(of.folder / "rules")
        own = {
            "--config": self.config.folder / "config.yaml",
            "--policies": self.rules.folder,
        }
        options = [argument.partition("=") for argument in of.child.command]
        assert own.keys() <= {name for name, _, _ in options}
        of.child.command = [
            f"{name}{equals}{own.get(name, value)}" for name, equals, value in options
        ]


class Pod(Webhook):
    """A pod of the webhook: what dies in it is started again, with the same volumes."""

    def __init__(self, plane: ControlPlane, folder: Path, audit: AuditProcess) -> None:
        folder.mkdir()
        super().__init__(plane, folder, free_ports(1)[0], "")
        deliver(self, RELEASE, audit)
        self.files = Files(self)
        self.is_serving = False
        """Whether it was ready when it was looked at last, and has not been killed since."""
        self.starts = self._failures = 0
        self._start_at: float | None = None

    def looks_ready(self) -> bool:
        """Ask as the kubelet does: one that was ready has to fail twice."""
        if self.child.exit_code() is not None:
            return False
        self._failures = 0 if self.status() == 200 else self._failures + 1
        return self._failures == 0 or (self.is_serving and self._failures < _MOST_FAILURES)

    def start(self) -> None:
        self._failures = 0
        self.starts += 1
        self._start_at = None
        self.child.start()

    def kill(self) -> None:
        """Kill all its processes in the middle of whatever they do."""
        self.is_serving = False
        for process in tree(self.child.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.child.reap(time.monotonic() + 10)

    def revive(self) -> None:
        """Start it again where it ended, a while later; to be called now and then."""
        if self.child.exit_code() is None:
            return
        self.is_serving = False
        if self._start_at is None:
            self._start_at = time.monotonic() + _RESTART_SECONDS
        elif time.monotonic() >= self._start_at:
            self.start()


class Stage:
    """Everything, running; a context manager. Processes end with the thread that enters it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._versions = itertools.count()
        self.engine = "embedded"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            arguments = {"kube-controller-manager": _NO_SCALING}
            self.plane = stack.enter_context(ControlPlane(arguments=arguments))
            self.plane.install_crds("vpa", "keda")
            for name in (NAMESPACE, *SHOPS):
                self.plane.kubectl("create", "namespace", name)
            self.service = stack.enter_context(Balancer(fails_over=True))
            self._install()
            self.postgres = stack.enter_context(Postgres())
            self.database = self.postgres.database()
            store = ("--store", self.database)
            self.audit = stack.enter_context(audit_process(self.plane, self._folder, *store))
            self.opa = self._opa()
            self.opa.start()
            stack.callback(self._end, self.opa)
            self.controller = Controller(self.plane, self._folder, free_ports(1)[0])
            deliver(self.controller, f"{RELEASE}-controller", self.audit)
            self.pods = tuple(Pod(self.plane, self._folder / name, self.audit) for name in "ab")
            self._files = [Files(self.controller), *(pod.files for pod in self.pods)]
            self.configure()
            self.controller.child.start()
            stack.callback(self._end, self.controller.child)
            for pod in self.pods:
                assert pod.mount is not None
                stack.enter_context(pod.mount)
                pod.start()
                stack.callback(self._end, pod.child)
            self.audit.wait_until_ready()
            every = len(self.pods)
            eventually(lambda: self.route(self.look()) == every, "the webhooks", self.said)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def look(self) -> list[tuple[int, bool]]:
        """Find out of each pod whether it is ready, as a kubelet does; and of which start."""
        return [(pod.starts, pod.looks_ready()) for pod in self.pods]

    def route(self, found: Sequence[tuple[int, bool]] = ()) -> int:
        """Send to who is ready, as kube-proxy does; return how many that are."""
        for pod, (starts, is_ready) in zip(self.pods, found, strict=False):
            if pod.starts == starts and pod.child.exit_code() is None:
                pod.is_serving = is_ready
        ready = tuple(pod.port for pod in self.pods if pod.is_serving)
        self.service.backends = ready
        return len(ready)

    def configure(self, *, broken: str = "") -> None:
        """Write configuration and rules anew; one of them perhaps broken."""
        number = next(self._versions)
        config: Raw = {
            "rules": {
                "gpu-unschedulable": "deny",
                "hpa-no-effect": ("warn", "audit")[number % 2],
            }
        }
        server = {"url": self.opa_url, "timeoutSeconds": 2.0}
        if self.engine == "opa":
            config["policies"] = {"engine": "opa", "opa": server}
        text = "rules: [" if broken == "configuration" else json.dumps(config)
        rule = RULE.replace("A VPA of this team", f"A VPA of team {number}")
        if broken == "rules":
            rule += "\nx := {{\n"
        for files in self._files:
            files.rules.write(vpa_rego=rule)
            files.config.write(config_yaml=text)

    def rotate(self, what: str) -> None:
        """Ask for another leaf or authority; the API server may be away."""
        self.plane.kubectl(
            *("-n", NAMESPACE, "annotate", "--overwrite", "secret", f"{RELEASE}-authority"),
            f"scaleguard.io/rotate={what}",
            check=False,
        )

    def fail(self, policy: str) -> None:
        """Change what the API server does where nobody judges autoscalers and pods."""
        replaced = {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": policy}
        self.plane.kubectl(
            *("patch", "validatingwebhookconfiguration", RELEASE, "--type=json"),
            *("-p", json.dumps([replaced])),
        )

    def said(self) -> str:
        children = [pod.child for pod in self.pods] + [self.controller.child]
        return "\n".join(child.tail() for child in children)

    def _install(self) -> None:
        values: Raw = {
            "service": {"port": self.service.port},
            "certificates": {"overlapSeconds": 5},
            "audit": {"enabled": True},
            "webhooks": {
                "autoscalers": {"failurePolicy": "Fail"},
                "podValidation": {"enabled": True, "failurePolicy": "Fail"},
            },
            "controller": {"replicas": 1},
            "policies": {"files": {"vpa.rego": RULE}},
        }
        file = self._folder / "values.json"
        file.write_text(json.dumps(values), encoding="utf-8")
        Helm(self._folder, self.plane.kubeconfig).install("--values", str(file))
        lead_here(self.plane)
        self._be_patient()

    def _be_patient(self) -> None:
        """Let the API server wait longer than the chart allows.

        How quick answers are is not tested here, on a machine that does everything at once.
        """
        shown = self.plane.kubectl("get", CONFIGURATIONS, RELEASE, "-o", "json").stdout
        found = json.loads(shown)
        for configuration in found["items"]:
            for entry in configuration["webhooks"]:
                entry["timeoutSeconds"] = 10
        self.plane.kubectl("replace", "-f", "-", input=json.dumps(found))

    def _opa(self) -> Child:
        port = free_ports(1)[0]
        self.opa_url = f"http://127.0.0.1:{port}"
        arguments = ["run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
        return Child("opa", [str(binary("opa")), *arguments], self._folder / "opa.log")

    @staticmethod
    def _end(child: Child) -> None:
        child.terminate()
        child.reap(time.monotonic() + 15)

    def keep_logs(self, folder: Path) -> None:
        """Copy what all have logged to where it can be read afterwards."""
        folder.mkdir(parents=True, exist_ok=True)
        for log in [*self._folder.rglob("*.log"), self.plane.layout.folder / "kube-apiserver.log"]:
            name = "-".join(log.parts[-2:])
            shutil.copyfile(log, folder / name)
