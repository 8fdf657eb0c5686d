"""The laboratory itself: real HPA controller, real VPA, and a load that a test sets."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.metrics_api import GROUP_VERSION
from tests.e2e.controller_process import ControllerProcess, grant
from tests.e2e.kubectl import GPU, apply, found, pods, wait_until
from tests.e2e.lab import Lab, lab
from tests.e2e.manifests import Raw, deployment, hpa, vpa
from tests.e2e.webhook_process import wait_until as until

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

GIBIBYTE = 1 << 30
METRICS_OF_PODS = "pods.v1beta1.metrics.k8s.io"
LLAMA = {"app": "llama"}
# What the VPA puts on top of what it saw.
MARGIN = 0.15
# The recommender counts in buckets of which each is 5 % wider than the last.
BUCKET = 1.06


@pytest.fixture(scope="module")
def running() -> Iterator[Lab]:
    for name in ("vpa-recommender", "vpa-updater", "vpa-admission-controller"):
        binary(name)
    with lab() as started:
        yield started


@pytest.fixture
def plane(running: Lab) -> ControlPlane:
    return running.plane


@pytest.fixture
def workload(running: Lab, namespace: str) -> Iterator[str]:
    """Two GPU pods of 2 cpu and 8 Gi that use 0.7 of their cpu and more memory than that."""
    llama = deployment("llama", replicas=2, gpus=1, namespace=namespace)
    (container,) = llama["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"] = {"cpu": "2", "memory": "8Gi"}
    running.usage.set(namespace, LLAMA, cores=2.8, memory_bytes=20 * GIBIBYTE)
    apply(running.plane, llama)
    wait_until(lambda: len(running.requests(namespace)) == 2)
    yield namespace
    # What pytest shows of a test that fails.
    kinds = "deployments,pods,hpa,vpa,events"
    print(running.plane.kubectl("get", kinds, "-n", namespace, check=False).stdout)
    print(running.vpa.tail())


def test_a_vpa_of_memory_fits_memory_and_leaves_cpu(running: Lab, workload: str) -> None:
    apply(running.plane, vpa("llama", "llama", controlled=["memory"], namespace=workload))

    def all_are_fitted() -> bool:
        asked = [resources["memory"] for resources in running.requests(workload)]
        return len(asked) == 2 and set(asked) == {running.target(workload, "llama").get("memory")}

    wait_until(all_are_fitted)
    target = running.target(workload, "llama")
    assert list(target) == ["memory"]
    wanted = 20 * GIBIBYTE * (1 + MARGIN)
    assert wanted <= int(target["memory"]) <= wanted * BUCKET
    for pod in pods(running.plane, workload):
        assert pod["metadata"]["annotations"]["vpaObservedContainers"] == "app"
    assert {resources["cpu"] for resources in running.requests(workload)} == {"2"}
    assert {resources[GPU] for resources in running.requests(workload)} == {"1"}


def test_the_hpa_follows_the_load(running: Lab, workload: str) -> None:
    scaler = hpa("llama", "llama", namespace=workload)
    scaler["spec"] |= {"minReplicas": 2, "maxReplicas": 10}
    apply(running.plane, scaler)
    wait_until(partial(utilization_is, running, workload, 70))
    assert running.replicas(workload, "llama") == 2
    running.usage.set(workload, LLAMA, cores=8.0, memory_bytes=GIBIBYTE)
    # 8 cores on pods of 2 cpu, 70 % of each: 5.7 of them.
    wait_until(lambda: running.replicas(workload, "llama") == 6)
    wait_until(partial(utilization_is, running, workload, 66))
    running.usage.set(workload, LLAMA, cores=2.8, memory_bytes=GIBIBYTE)
    wait_until(lambda: running.replicas(workload, "llama") == 2)


def utilization_is(running: Lab, namespace: str, percent: int) -> bool:
    metrics = running.get("hpa", namespace, "llama").get("status", {}).get("currentMetrics") or []
    said = [metric.get("resource", {}).get("current", {}) for metric in metrics]
    return [current.get("averageUtilization") for current in said] == [percent]


def test_people_and_programs_read_the_same_metrics(running: Lab, workload: str) -> None:
    plane = running.plane
    listed = plane.kubectl("top", "pods", "-n", workload, "--no-headers").stdout.splitlines()
    assert sorted(line.split()[1:] for line in listed) == [["1400m", "20480Mi"]] * 2
    (node,) = plane.kubectl("top", "nodes", "--no-headers").stdout.splitlines()
    assert node.split()[0] == "gpu"
    assert int(node.split()[1].removesuffix("m")) >= 2800
    assert found(plane, METRICS_OF_PODS, workload, first(running, workload))


def test_a_selector_means_the_pods_that_it_means_elsewhere(running: Lab, workload: str) -> None:
    apply(running.plane, deployment("idle", namespace=workload))
    wait_until(lambda: len(running.requests(workload)) == 3)
    listed = measured(running, workload, "app in (llama, idle)")
    assert {raw["metadata"]["labels"]["app"] for raw in listed} == {"llama"}, "idle has no load"
    assert len(listed) == 2
    assert measured(running, workload, "app!=llama") == []
    idle = next(
        pod["metadata"]["name"]
        for pod in pods(running.plane, workload)
        if pod["metadata"]["labels"]["app"] == "idle"
    )
    path = f"/apis/{GROUP_VERSION}/namespaces/{workload}/pods/{idle}"
    assert "NotFound" in running.plane.kubectl("get", "--raw", path, check=False).stderr


def test_the_controllers_vpa_is_fed_and_gives_way(
    running: Lab, namespace: str, tmp_path: Path
) -> None:
    """The main job: a VPA by itself, its recommendation, and an HPA that comes and goes."""
    grant(running.plane)
    took: dict[str, float] = {}

    def controlled() -> list[str]:
        done = running.plane.kubectl(
            *("get", "vpa", "scaleguard-deployment-llama", "-n", namespace, "-o", "json"),
            check=False,
        )
        if done.returncode != 0:
            return []
        (policy,) = json.loads(done.stdout)["spec"]["resourcePolicy"]["containerPolicies"]
        listed: list[str] = policy["controlledResources"]
        return listed

    def after(what: str, wanted: list[str]) -> None:
        took[what] = until(lambda: controlled() == wanted, what=f"{what}: {controlled()}")

    with ControllerProcess(running.plane, tmp_path):
        llama = deployment("llama", replicas=2, gpus=1, namespace=namespace)
        llama["metadata"]["annotations"] = {"scaleguard.io/vpa": "recreate"}
        (container,) = llama["spec"]["template"]["spec"]["containers"]
        container["image"] = "vllm/vllm-openai:v0.11.0"
        container["resources"]["requests"] = {"cpu": "2", "memory": "8Gi"}
        running.usage.set(namespace, LLAMA, cores=2.8, memory_bytes=20 * GIBIBYTE)
        apply(running.plane, llama)
        after("a Deployment", ["cpu", "memory"])
        wait_until(lambda: running.target(namespace, "scaleguard-deployment-llama") != {})
        apply(running.plane, hpa("llama", "llama", namespace=namespace))
        after("an HPA on cpu", ["memory"])
        # The recommender writes what is controlled, and the updater what is recommended.
        target = partial(running.target, namespace, "scaleguard-deployment-llama")
        wait_until(lambda: list(target()) == ["memory"])
        wait_until(
            lambda: (
                {one.get("memory") for one in running.requests(namespace)}
                == {target().get("memory")}
            )
        )
        running.plane.kubectl("delete", "hpa", "llama", "-n", namespace)
        after("no HPA", ["cpu", "memory"])
        apply(running.plane, vpa("mine", "llama", mode="Off", namespace=namespace))
        after("somebody's own VPA", [])
        running.plane.kubectl("delete", "vpa", "mine", "-n", namespace)
        after("no VPA of anybody's", ["cpu", "memory"])
        running.plane.kubectl("delete", "deployment", "llama", "-n", namespace)
        after("no Deployment", [])
    print({what: round(seconds, 2) for what, seconds in took.items()})


def first(running: Lab, namespace: str) -> str:
    name: str = pods(running.plane, namespace)[0]["metadata"]["name"]
    return name


def measured(running: Lab, namespace: str, selector: str) -> list[Raw]:

    said = running.plane.kubectl(
        "get", METRICS_OF_PODS, "-n", namespace, "-l", selector, "-o", "json"
    ).stdout
    items: list[Raw] = json.loads(said)["items"]
    return items
