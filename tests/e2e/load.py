"""Requests at a steady rate that webhooks are asked about, whatever became of the last ones."""

import itertools
import re
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPException
from typing import Any, NamedTuple, Self

from tests.controlplane.cluster import ControlPlane
from tests.e2e.manifests import deployment, hpa, stream, vpa
from tests.e2e.patient_client import PatientClient, Said
from webhook.cluster.resources import HPAS

Raw = dict[str, Any]
Send = Callable[[PatientClient, int], Said]
"""Sends the request of this number."""

AT_ONCE = 32
"""How many may be on their way: 200 a second are waited for 160 ms each before one is sent late."""


class Failed(NamedTuple):
    """A request that got no verdict."""

    after_seconds: float
    status: int
    """0 where the API server did not answer."""
    message: str


class Load:
    """Sends from entering to leaving, at least for so many seconds; a context manager.

    An open loop: when requests are due does not depend on answers, so that a pause shows in all
    that were due meanwhile. What a rule denied was answered. With the failurePolicy Ignore a
    webhook that fails shows in `failed_calls` alone.
    """

    def __init__(
        self, plane: ControlPlane, rate: float, seconds: float, senders: Sequence[Send]
    ) -> None:
        self.rate = rate
        self.seconds = seconds
        self._senders = senders
        self._client = PatientClient(plane)
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(AT_ONCE)]
        self._begun = 0.0
        self._took: list[float] = []
        self._denied: list[int] = []
        self.failed: list[Failed] = []

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            time.sleep(max(0.0, self._begun + self.seconds - time.monotonic()))
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        self.seconds = time.monotonic() - self._begun
        self._client.close()

    @property
    def sent(self) -> int:
        return len(self._took)

    @property
    def denied(self) -> int:
        """How many a rule denied."""
        return len(self._denied)

    def quantile(self, percent: int) -> float:
        """How many seconds so many of a hundred requests took at most, from when they were due."""
        return statistics.quantiles(self._took, n=100, method="inclusive")[percent - 1]

    def __str__(self) -> str:
        return (
            f"{self.sent} requests in {self.seconds:.0f} s ({self.sent / self.seconds:.0f}/s of"
            f" {self.rate:.0f}/s), {self.denied} denied, {len(self.failed)} failed,"
            f" p50 {self.quantile(50) * 1000:.0f} ms, p99 {self.quantile(99) * 1000:.0f} ms"
        )

    def _run(self) -> None:
        while True:
            number = next(self._numbers)
            due = self._begun + number / self.rate
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            failed = self._send(number)
            now = time.monotonic()
            self._took.append(now - due)
            if failed:
                self.failed.append(Failed(now - self._begun, *failed))

    def _send(self, number: int) -> tuple[int, str] | None:
        """Send a request; return why it got no verdict."""
        try:
            said = self._senders[number % len(self._senders)](self._client, number)
        except (OSError, HTTPException) as error:
            return 0, repr(error)
        if said.is_denied:
            self._denied.append(number)
        return None if said.is_done or said.is_denied else (said.status, said.body["message"])


def prepare(plane: ControlPlane, namespace: str) -> None:
    """Make what these requests are about: a workload whose memory a VPA has."""
    workload = deployment("web", namespace=namespace)
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    made = vpa("web", "web", controlled=["memory"], namespace=namespace)
    plane.kubectl("apply", "-f", "-", input=stream(workload, made))


def gpu_pod(namespace: str, number: int) -> Raw:
    """A pod that is fitted, and judged."""
    container = {"name": "app", "image": "app", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    metadata = {"name": f"llm-{number}", "namespace": namespace}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    return {**pod, "spec": {"containers": [container]}}


def senders(namespace: str) -> list[Send]:
    """A GPU pod, an HPA that is let in, one that is refused: dry runs, nothing is stored."""
    dry_run = "?dryRun=All"

    def pod(client: PatientClient, number: int) -> Said:
        pods = f"/api/v1/namespaces/{namespace}/pods{dry_run}"
        return client.create(pods, gpu_pod(namespace, number))

    def scaled_by(resource: str, client: PatientClient, number: int) -> Said:
        raw = hpa(f"web-{number}", "web", resource=resource, namespace=namespace)
        return client.create(f"{HPAS.path(namespace)}{dry_run}", raw)

    return [pod, partial(scaled_by, "cpu"), pod, partial(scaled_by, "memory")]


_OF_WEBHOOKS = "apiserver_admission_webhook_"
_VERDICT = re.compile(r'error_type="no_error"|code="(200|403|429)"')
"""Let in, denied, or asked to come back; a call that failed counts elsewhere as well."""


def failed_calls(plane: ControlPlane) -> Counter[str]:
    """Calls of webhooks that failed since the API server runs, as it counts them itself."""
    failed: Counter[str] = Counter()
    for line in plane.kubectl("get", "--raw", "/metrics").stdout.splitlines():
        series, _, value = line.rpartition(" ")
        name = series.partition("{")[0].removeprefix(_OF_WEBHOOKS)
        counts = {"fail_open_count", "rejection_count", "request_total"}
        if name in counts and not _VERDICT.search(series):
            failed[series] = int(float(value))
    return failed


def said_of_failures(plane: ControlPlane) -> str:
    """What the API server logged of calls that failed."""
    log = (plane.layout.folder / "kube-apiserver.log").read_text(encoding="utf-8")
    return "\n".join(line for line in log.splitlines() if "ailed calling webhook" in line)
