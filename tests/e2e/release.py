"""The chart in a cluster, in two releases: its pods are local processes that a test replaces."""

import itertools
import json
import re
import shutil
import time
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Self

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e.audit_process import AuditProcess
from tests.e2e.balancer import Balancer
from tests.e2e.chart import CHART, NAMESPACE, RELEASE, Controller, Helm, Webhook
from tests.e2e.chart_audit import audit_process, deliver
from tests.e2e.rollout import Deployment

DRAIN_SECONDS = 2
COMMON = (
    f"audit.enabled=true,drainSeconds={DRAIN_SECONDS},webhooks.autoscalers.failurePolicy=Fail,"
    # The longest: how quick answers are is not tested here, on a machine that does everything.
    "webhooks.pods.timeoutSeconds=3,webhooks.workloads.timeoutSeconds=3"
)
BEFORE, AFTER = "threads=4,log.level=warning", "threads=6,config.version=1"
EXTERNAL = "type: ExternalName\n  externalName: localhost"
"""Where the API server finds local processes."""


class Pod(Webhook):
    """A pod of the webhook, as the Deployment says at this moment."""

    def __init__(self, plane: ControlPlane, folder: Path, audit: AuditProcess) -> None:
        super().__init__(plane, folder, free_ports(1)[0], "")
        deliver(self, RELEASE, audit)
        drain = f"--drain-seconds={DRAIN_SECONDS}"
        self.child.command = [
            drain if one.startswith("--drain-seconds=") else one for one in self.child.command
        ]

    def start(self) -> None:
        assert self.mount is not None
        self.mount.__enter__()
        self.child.start()

    def is_ready(self) -> bool:
        return self.status() == HTTPStatus.OK

    def end(self, patience_seconds: float) -> int:
        self.child.terminate()
        self.child.reap(time.monotonic() + patience_seconds)
        assert self.mount is not None
        self.mount.__exit__()
        code = self.child.exit_code()
        assert code is not None
        return code

    def log(self) -> str:
        return self.child.log.read_text(encoding="utf-8")


class Release:
    """The chart in a cluster, and its pods; a context manager."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane = plane
        self._folder = folder
        self._numbers = itertools.count()
        self._helm = Helm(folder, plane.kubeconfig)
        self._stack = ExitStack()
        self._controllers: list[Controller] = []
        self.charts = {name: self._chart(name) for name in ("before", "after")}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            service = stack.enter_context(Balancer())
            self._port = service.port
            self._helm_does("install", "before", BEFORE)
            self.audit = stack.enter_context(audit_process(self.plane, self._folder))
            self.audit.wait_until_ready()
            stack.callback(self._end_controllers)
            self._replace_the_controller()
            self.webhook = Deployment(service, self._pod, drain_seconds=DRAIN_SECONDS)
            stack.enter_context(self.webhook)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def upgrade(self) -> None:
        self._helm_does("upgrade", "after", AFTER)
        self._replace_all()

    def roll_back(self) -> None:
        self._helm("rollback", RELEASE, "1", "--namespace", NAMESPACE, "--no-hooks")
        self._replace_all()

    def arguments(self) -> list[set[str]]:
        """What the pods of the webhook were started with that runs now."""
        assert all(isinstance(pod, Pod) for pod in self.webhook.pods)
        return [set(pod.arguments) for pod in self.webhook.pods if isinstance(pod, Pod)]

    def _helm_does(self, verb: str, chart: str, values: str) -> None:
        # As in Helm.install: no kubelet runs the Job that waits for the webhook.
        where = (RELEASE, str(self.charts[chart]), "--namespace", NAMESPACE, "--no-hooks")
        self._helm(verb, *where, "--set", f"service.port={self._port},{COMMON},{values}")

    def _replace_all(self) -> None:
        self.webhook.roll_out()
        self._replace_the_controller()
        self.webhook.settle()

    def _replace_the_controller(self) -> None:
        controller = Controller(self.plane, self._own_folder(), free_ports(1)[0])
        deliver(controller, f"{RELEASE}-controller", self.audit)
        controller.__enter__()
        self._end_controllers()
        self._controllers.append(controller)

    def _end_controllers(self) -> None:
        while self._controllers:
            self._controllers.pop().__exit__()

    def _pod(self) -> Pod:
        return Pod(self.plane, self._own_folder(), self.audit)

    def _own_folder(self) -> Path:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        return folder

    def _chart(self, name: str) -> Path:
        """Copy the chart; the one before has no FlowSchema, and no value for it."""
        chart = self._folder / name
        shutil.copytree(CHART, chart)
        _rewrite(chart / "templates" / "service.yaml", "spec:", f"spec:\n  {EXTERNAL}")
        if name == "before":
            _rewrite(chart / "Chart.yaml", r"(?m)^(version|appVersion): .*", r'\1: "0.0.9"')
            (chart / "templates" / "flowschema.yaml").unlink()
            _rewrite(chart / "values.yaml", r"flowSchema:\n(  .*\n)+", "")
            schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
            del schema["properties"]["flowSchema"]
            (chart / "values.schema.json").write_text(json.dumps(schema), encoding="utf-8")
        return chart


def _rewrite(path: Path, pattern: str, text: str) -> None:
    written, times = re.subn(pattern, text, path.read_text(encoding="utf-8"))
    assert times, f"{path}: {pattern}"
    path.write_text(written, encoding="utf-8")
