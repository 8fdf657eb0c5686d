"""The controller with thousands of workloads: a cold start, rest, a lost leader.

    python -m tests.bench.controller --workloads 2000

A real API server, with the webhook before it that judges each VPA. Workloads have no replicas, so
that it is the controller that is measured and not the pods.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.controlplane.cluster import ControlPlane
from tests.e2e.controller_process import USER, ControllerProcess, grant
from tests.e2e.guard import Guard
from tests.e2e.manifests import deployment, hpa
from webhook.cluster.api import Api, connect

Raw = dict[str, Any]

NAMESPACES = 20
REST_SECONDS = 60.0
_STILL_WRITES = 30
"""So many writes in five seconds are leases and the like."""

MOST_SYNC_SECONDS = 90.0
MOST_CORE_PERCENT = 2.0
MOST_MEBIBYTES = 200
MOST_HAND_OVER_SECONDS = 20.0


def objects(count: int) -> Iterator[tuple[str, Raw]]:
    """Deployments of GPU pods, each with an HPA on cpu; with the paths that they are created at."""
    for number in range(count):
        name, namespace = f"llama-{number:04}", f"ml-{number % NAMESPACES:02}"
        raw = deployment(name, replicas=0, gpus=1, namespace=namespace)
        container = raw["spec"]["template"]["spec"]["containers"][0]
        container["image"] = "vllm/vllm-openai:v0.11.0"
        container["env"] = [{"name": f"SETTING_{each}", "value": "x" * 40} for each in range(20)]
        yield f"/apis/apps/v1/namespaces/{namespace}/deployments", raw
        scaler = hpa(name, name, namespace=namespace)
        yield f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers", scaler


def create(api: Api, count: int) -> None:
    """Create everything, by several connections."""
    with ThreadPoolExecutor(8) as pool:
        for number in range(NAMESPACES):
            metadata = {"name": f"ml-{number:02}"}
            raw = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
            api.create("/api/v1/namespaces", raw, 30)
        list(pool.map(lambda one: api.create(one[0], one[1], 60), objects(count)))


class _Still:
    """Whether a number is what it was when it was last looked at."""

    def __init__(self, number: Callable[[], float]) -> None:
        self._number = number
        self._before = -1.0

    def is_still(self) -> bool:
        before, self._before = self._before, self._number()
        return before == self._before


def settle(api: Api, count: int) -> None:
    """Wait until the cluster's own controllers have made all that they make of this.

    What they still write is work for whoever follows it, and not what is measured.
    """
    made = [0]

    def is_still() -> bool:
        before = made[0]
        made[0] = int(api.list("/apis/apps/v1/replicasets", lambda raw: raw, 60).resource_version)
        found = len(api.list("/apis/apps/v1/replicasets", lambda _raw: None, 60).items)
        return found == count and made[0] - before < _STILL_WRITES

    wait_for(is_still, 900, "the cluster's own controllers", pause_seconds=5.0)


def managed(api: Api) -> dict[str, str]:
    """The VPAs that are there, by namespace and name, each with its uid."""
    path = "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"
    found = api.list(path, lambda raw: raw, 30).items
    assert all(
        one["spec"]["resourcePolicy"]["containerPolicies"][0]["controlledResources"] == ["memory"]
        for one in found
    )
    return {
        f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["metadata"]["uid"]
        for one in found
    }


def wait_for(
    happened: Callable[[], bool], seconds: float, what: str, *, pause_seconds: float = 0.25
) -> float:
    """Wait; return how long that took."""
    begun = time.monotonic()
    while not happened():
        if time.monotonic() - begun > seconds:
            raise SystemExit(f"{what} took longer than {seconds:.0f} s")
        time.sleep(pause_seconds)
    return time.monotonic() - begun


def measure(count: int, folder: Path, *, guarded: bool) -> dict[str, float]:
    """Run everything; return the figures."""
    figures: dict[str, float] = {}
    with ControlPlane() as plane:
        plane.install_crds("vpa")
        grant(plane)
        api = connect(plane.kubeconfig)
        begun = time.monotonic()
        create(api, count)
        settle(api, count)
        print(f"{count} Deployments and HPAs made in {time.monotonic() - begun:.0f} s")
        guard = Guard(plane, arguments=["--controller-user", USER]) if guarded else None
        try:
            if guard is not None:
                guard.__enter__()
            _run(plane, api, count, folder, figures)
        finally:
            if guard is not None:
                guard.__exit__()
    return figures


def _run(
    plane: ControlPlane, api: Api, count: int, folder: Path, figures: dict[str, float]
) -> None:
    begun = time.monotonic()
    with ControllerProcess(plane, folder / "one") as first:
        wait_for(lambda: first.metric("scaleguard_managed_vpas") == count, 600, "the sync")
        figures["sync_seconds"] = time.monotonic() - begun
        looks = first.metric("scaleguard_controller_reconciles_total")
        asked = first.metric("scaleguard_controller_requests_total")
        figures["looks"] = looks
        figures["requests_per_look"] = asked / looks
        figures["sync_processor_seconds"] = first.metric("process_cpu_seconds_total")
        made = managed(api)
        assert len(made) == count, len(made)
        wait_for(lambda: first.metric("scaleguard_controller_queue_depth") == 0, 120, "the queue")
        told = _Still(lambda: first.metric("scaleguard_controller_requests_total", verb="event"))
        wait_for(told.is_still, 600, "its events, ten a second", pause_seconds=5.0)
        with ControllerProcess(plane, folder / "other") as other:
            time.sleep(10)
            spent = first.metric("process_cpu_seconds_total")
            asked = first.metric("scaleguard_controller_requests_total", verb="apply")
            time.sleep(REST_SECONDS)
            spent = first.metric("process_cpu_seconds_total") - spent
            figures["core_percent"] = 100 * spent / REST_SECONDS
            figures["requests_at_rest"] = (
                first.metric("scaleguard_controller_requests_total", verb="apply") - asked
            )
            figures["mebibytes"] = first.metric("process_resident_memory_bytes") / 2**20
            first.kill()
            figures["hand_over_seconds"] = wait_for(
                lambda: other.metric("scaleguard_controller_leader") == 1, 120, "the hand over"
            )
            wait_for(
                lambda: other.metric("scaleguard_controller_reconciles_total") >= count,
                120,
                "the look of the new leader",
            )
            applied = other.metric("scaleguard_controller_requests_total", verb="apply")
            figures["requests_of_the_new_leader"] = applied
            assert managed(api) == made, "a VPA was lost, or made twice"


def main() -> None:
    """Print the figures; fail where one passes its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=int, default=2000)
    parser.add_argument("--unguarded", action="store_true", help="without our own webhook")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scaleguard-bench-") as folder:
        figures = measure(given.workloads, Path(folder), guarded=not given.unguarded)
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2))
    limits = {
        "sync_seconds": MOST_SYNC_SECONDS,
        "core_percent": MOST_CORE_PERCENT,
        "mebibytes": MOST_MEBIBYTES,
        "hand_over_seconds": MOST_HAND_OVER_SECONDS,
    }
    passed = [
        f"{name} {figures[name]:.1f} > {limit}"
        for name, limit in limits.items()
        if figures[name] > limit
    ]
    if passed:
        raise SystemExit(f"on {os.cpu_count()} processors: {', '.join(passed)}")


if __name__ == "__main__":
    main()
