"""One workload, one HPA on cpu, one constant load, and two VPAs that differ in a single word."""

import copy
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.e2e.kubectl import apply, found, wait_until
from tests.e2e.lab import Lab
from tests.e2e.manifests import deployment, hpa, stream
from webhook.core.quantity import NANOS_PER_UNIT, parse

Raw = dict[str, Any]

REPLICAS, CPU, TARGET_PERCENT = 4, 2.0, 70
# More than is asked for: both VPAs have something to do at once.
ASKED_GIBIBYTES, USED_GIBIBYTES = 8, 20
MAX_REPLICAS = 40

CONFLICTING, COMPLEMENTARY = "conflicting", "complementary"
CONTROLLED = {CONFLICTING: ["cpu", "memory"], COMPLEMENTARY: ["memory"]}

_EVERY_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Sample:
    """How a pair stands at a moment."""

    seconds: float
    replicas: int
    cpu: float
    """Cores that a pod asks for, the mean of those that run."""
    memory: float
    """GiB that a pod asks for, likewise."""
    utilization: int
    """Percent of the request, as the HPA reads it."""


Series = dict[str, list[Sample]]


def workload(namespace: str, target: int = TARGET_PERCENT) -> list[Raw]:
    """A model server as its author writes it, with its HPA and leave to restart its pods."""
    llama = deployment("llama", replicas=REPLICAS, gpus=1, namespace=namespace)
    llama["metadata"]["annotations"] = {"scaleguard.io/vpa": "recreate"}
    (container,) = llama["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"] = {"cpu": str(CPU), "memory": f"{ASKED_GIBIBYTES}Gi"}
    scaler = hpa("llama", "llama", namespace=namespace)
    scaler["spec"]["maxReplicas"] = MAX_REPLICAS
    (metric,) = scaler["spec"]["metrics"]
    metric["resource"]["target"]["averageUtilization"] = target
    return [llama, scaler]


def review(*objects: Raw) -> Raw:
    """What `scaleguard review` says of objects."""
    command = [sys.executable, "-m", "webhook", "review", "-", "-o", "json"]
    done = subprocess.run(
        command, input=stream(*objects), capture_output=True, text=True, check=False
    )
    said: Raw = json.loads(done.stdout)
    return said


def complementary(namespace: str) -> Raw:
    """The VPA that scaleguard plans for the workload."""
    planned: list[Raw] = review(*workload(namespace))["plannedVPAs"]
    return planned[0]


def conflicting(namespace: str) -> Raw:
    """The same as somebody would write it: all that a VPA can control, and no mark of ours."""
    vpa = copy.deepcopy(complementary(namespace))
    vpa["metadata"] = {"name": "llama", "namespace": namespace}
    (policy,) = vpa["spec"]["resourcePolicy"]["containerPolicies"]
    policy["controlledResources"] = CONTROLLED[CONFLICTING]
    return vpa


def watch(
    running: Lab,
    seconds: float,
    *,
    target: int = TARGET_PERCENT,
    until: Callable[[Series], bool] = lambda _: False,
) -> Series:
    """Let both pairs run side by side, unguarded, for so long or until something is seen."""
    vpas = {CONFLICTING: conflicting(CONFLICTING), COMPLEMENTARY: complementary(COMPLEMENTARY)}
    # Exactly what the HPA wants: nothing has to change.
    cores, memory = REPLICAS * CPU * target / 100, USED_GIBIBYTES << 30
    for name in vpas:
        running.plane.kubectl("create", "namespace", name)
        wait_until(partial(found, running.plane, "serviceaccount", name, "default"))
        running.usage.set(name, {"app": "llama"}, cores=cores, memory_bytes=memory)
        apply(running.plane, *workload(name, target))
    wait_until(lambda: {_utilization(_objects(running), name) for name in vpas} == {target})
    apply(running.plane, *vpas.values())
    series: Series = {name: [] for name in vpas}
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds and not until(series):
        objects = _objects(running)
        for name, samples in series.items():
            if sample := _sample(objects, name, passed):
                samples.append(sample)
        time.sleep(_EVERY_SECONDS)
    return series


def _objects(running: Lab) -> list[Raw]:
    kinds = "deployments,horizontalpodautoscalers,pods"
    said = running.plane.kubectl("get", kinds, "-A", "-o", "json").stdout
    items: list[Raw] = json.loads(said)["items"]
    return items


def _of(objects: list[Raw], kind: str, namespace: str) -> Iterator[Raw]:
    for raw in objects:
        if raw["kind"] == kind and raw["metadata"]["namespace"] == namespace:
            yield raw


def _sample(objects: list[Raw], namespace: str, seconds: float) -> Sample | None:
    """How a pair stands, None in a moment in which no pod runs or nothing is measured."""
    (llama,) = _of(objects, "Deployment", namespace)
    asked = [
        pod["spec"]["containers"][0]["resources"]["requests"]
        for pod in _of(objects, "Pod", namespace)
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
    ]
    utilization = _utilization(objects, namespace)
    if not asked or utilization is None:
        return None
    return Sample(
        seconds=round(seconds, 1),
        replicas=llama["spec"]["replicas"],
        cpu=round(sum(_amount(each["cpu"]) for each in asked) / len(asked), 3),
        memory=round(sum(_amount(each["memory"]) for each in asked) / len(asked) / (1 << 30), 2),
        utilization=utilization,
    )


def _utilization(objects: list[Raw], namespace: str) -> int | None:
    (scaler,) = _of(objects, "HorizontalPodAutoscaler", namespace)
    for metric in scaler.get("status", {}).get("currentMetrics") or []:
        read: int | None = metric.get("resource", {}).get("current", {}).get("averageUtilization")
        return read
    return None


def _amount(quantity: str) -> float:
    nanos = parse(quantity) or 0
    return float(nanos / NANOS_PER_UNIT)
