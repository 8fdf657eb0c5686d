"""The controller before a real API server, whose webhook judges what it writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.controller_process import USER, ControllerProcess, grant
from tests.e2e.guard import Guard
from tests.e2e.kubectl import apply, found
from tests.e2e.manifests import deployment, hpa, vpa
from tests.e2e.webhook_process import wait_until

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.usefixtures("guard")]

Raw = dict[str, Any]

# What takes well under a second here; a busy machine is not what is tested.
SLOW_SECONDS = 30.0


@pytest.fixture(scope="module")
def guard(plane: ControlPlane) -> Iterator[Guard]:
    with Guard(plane, arguments=["--controller-user", USER]) as running:
        yield running


@pytest.fixture(scope="module")
def controller(
    plane: ControlPlane, guard: Guard, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControllerProcess]:
    del guard
    grant(plane)
    with ControllerProcess(plane, tmp_path_factory.mktemp("controller")) as running:
        yield running


def llama(namespace: str, **metadata: Any) -> Raw:
    raw = deployment("llama", replicas=2, gpus=1, namespace=namespace)
    raw["metadata"] |= metadata
    container = raw["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "vllm/vllm-openai:v0.11.0"
    return raw


def managed(plane: ControlPlane, namespace: str) -> list[Raw]:
    listed = plane.kubectl(
        "get", "vpa", "-n", namespace, "-l", "scaleguard.io/managed=true", "-o", "json"
    )
    items: list[Raw] = json.loads(listed.stdout)["items"]
    return items


def controlled(plane: ControlPlane, namespace: str) -> list[list[str]]:
    return [
        one["spec"]["resourcePolicy"]["containerPolicies"][0]["controlledResources"]
        for one in managed(plane, namespace)
    ]


def become(
    plane: ControlPlane, namespace: str, wanted: list[list[str]], seconds: float = SLOW_SECONDS
) -> float:
    return wait_until(lambda: controlled(plane, namespace) == wanted, seconds, f"not {wanted}")


def events(plane: ControlPlane, namespace: str) -> dict[str, list[str]]:
    """The messages of the controller's events in a namespace, by their reasons."""
    listed = json.loads(plane.kubectl("get", "events", "-n", namespace, "-o", "json").stdout)
    told: dict[str, list[str]] = {}
    for one in listed["items"]:
        if one.get("source", {}).get("component") == "scaleguard-controller":
            told.setdefault(one["reason"], []).append(one["message"])
    return told


def test_the_vpa_follows_the_scalers(
    plane: ControlPlane, controller: ControllerProcess, namespace: str
) -> None:
    apply(plane, llama(namespace))
    become(plane, namespace, [["cpu", "memory"]])
    (made,) = managed(plane, namespace)
    assert made["metadata"]["name"] == "scaleguard-deployment-llama"
    assert made["spec"]["updatePolicy"] == {"updateMode": "Initial"}
    apply(plane, hpa("llama", "llama", namespace=namespace))
    become(plane, namespace, [["memory"]])
    (changed,) = managed(plane, namespace)
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]
    why = changed["metadata"]["annotations"]["scaleguard.io/why-resources"]
    assert why == f"not cpu: HorizontalPodAutoscaler {namespace}/llama scales on cpu"
    apply(plane, hpa("llama", "llama", resource="memory", namespace=namespace))
    become(plane, namespace, [["cpu"]])
    plane.kubectl("delete", "hpa", "llama", "-n", namespace)
    become(plane, namespace, [["cpu", "memory"]])
    plane.kubectl("delete", "deployment", "llama", "-n", namespace)
    become(plane, namespace, [])
    assert controller.metric("scaleguard_controller_reconciles_total", result="failed") == 0


def test_a_users_own_vpa_comes_first(
    plane: ControlPlane, controller: ControllerProcess, namespace: str
) -> None:
    del controller
    apply(plane, llama(namespace))
    become(plane, namespace, [["cpu", "memory"]])
    apply(plane, vpa("mine", "llama", mode="Off", namespace=namespace))
    become(plane, namespace, [])
    plane.kubectl("delete", "vpa", "mine", "-n", namespace)
    become(plane, namespace, [["cpu", "memory"]])
    wait_until(lambda: len(events(plane, namespace)) == 3, SLOW_SECONDS)
    told = events(plane, namespace)
    assert told.keys() == {"VPAMade", "VPARemoved", "VPAWithheld"}
    theirs = f"VerticalPodAutoscaler {namespace}/mine is somebody's own"
    assert told["VPAWithheld"] == [f"no VPA is made: {theirs}"]
    ours = f"VerticalPodAutoscaler {namespace}/scaleguard-deployment-llama"
    assert told["VPAMade"] == [f"{ours} made, mode Initial: sets cpu and memory"]


def test_hand_edits_are_put_back_unless_somebody_takes_the_vpa_over(
    plane: ControlPlane, controller: ControllerProcess, namespace: str
) -> None:
    del controller
    apply(plane, llama(namespace))
    become(plane, namespace, [["cpu", "memory"]])
    (before,) = managed(plane, namespace)
    annotations = before["metadata"]["annotations"]
    assert "scaleguard.io/why-resources" not in annotations
    edits: list[Raw] = [
        {"spec": {"updatePolicy": {"updateMode": "Recreate", "minReplicas": 1}}},
        {"spec": {"recommenders": [{"name": "mine"}]}},
        {
            "spec": {
                "resourcePolicy": {"containerPolicies": [{"containerName": "a", "mode": "Off"}]}
            }
        },
    ]
    name = ("vpa", "scaleguard-deployment-llama", "-n", namespace)
    for edit in edits:
        plane.kubectl("patch", *name, "--type=merge", "-p", json.dumps(edit))
        wait_until(lambda: spec_of(plane, namespace) == [before["spec"]], SLOW_SECONDS, str(edit))
    plane.kubectl("annotate", *name, "scaleguard.io/why-resources=mine")
    wait_until(
        lambda: managed(plane, namespace)[0]["metadata"]["annotations"] == annotations, SLOW_SECONDS
    )
    plane.kubectl("annotate", *name, "scaleguard.io/unmanaged=true")
    plane.kubectl("patch", *name, "--type=merge", "-p", json.dumps(edits[0]))
    apply(plane, llama(namespace, annotations={"scaleguard.io/vpa": "recommend"}))
    wait_until(lambda: "VPAWithheld" in events(plane, namespace), SLOW_SECONDS)
    assert spec_of(plane, namespace)[0]["updatePolicy"]["updateMode"] == "Recreate"


def spec_of(plane: ControlPlane, namespace: str) -> list[Raw]:
    return [one["spec"] for one in managed(plane, namespace)]


def test_what_people_say_is_followed(
    plane: ControlPlane, controller: ControllerProcess, namespace: str
) -> None:
    del controller

    def modes() -> list[str]:
        return [one["updatePolicy"]["updateMode"] for one in spec_of(plane, namespace)]

    for said, wanted in (
        ("recommend", ["Off"]),
        ("recreate", ["Recreate"]),
        ("off", []),
        ("in-place", ["Initial"]),  # behind a gate of VPA's webhook; without one its CRD takes it
    ):
        apply(plane, llama(namespace, annotations={"scaleguard.io/vpa": said}))
        if said == "in-place":
            wait_until(lambda: modes() in (["Initial"], ["InPlace"]), SLOW_SECONDS, said)
        else:
            wait_until(lambda w=wanted: modes() == w, SLOW_SECONDS, said)  # type: ignore[misc]
    plane.kubectl("label", "namespace", namespace, "scaleguard.io/ignore=true")
    become(plane, namespace, [])
    plane.kubectl("label", "namespace", namespace, "scaleguard.io/ignore-")
    wait_until(lambda: len(modes()) == 1, SLOW_SECONDS)


def test_nobody_else_may_say_that_a_vpa_is_managed(
    plane: ControlPlane, controller: ControllerProcess, namespace: str
) -> None:
    del controller
    forged = vpa("forged", "llama", namespace=namespace)
    forged["metadata"]["labels"] = {"scaleguard.io/managed": "true"}
    said = apply(plane, forged, check=False)
    assert f"metadata.labels[scaleguard.io/managed]: only {USER} sets this label" in said
    assert not found(plane, "vpa", namespace, "forged")
    del forged["metadata"]["labels"]
    apply(plane, forged)
    said = plane.kubectl(
        *("label", "vpa", "forged", "-n", namespace, "scaleguard.io/managed=true"), check=False
    ).stderr
    assert "sets this label" in said


def test_an_hpa_of_the_same_moment_ends_beside_a_complement(
    plane: ControlPlane, controller: ControllerProcess, namespace: str
) -> None:
    """Both at once, ten times: the HPA always gets in, and the VPA leaves cpu to it."""
    del controller
    for number in range(10):
        name = f"llama-{number}"
        raw = llama(namespace)
        raw["metadata"]["name"] = name
        apply(plane, raw, hpa(name, name, namespace=namespace))
    become(plane, namespace, [["memory"]] * 10)
    hpas = json.loads(plane.kubectl("get", "hpa", "-n", namespace, "-o", "json").stdout)
    assert len(hpas["items"]) == 10


def test_a_mode_and_a_switch_are_taken_up_while_it_runs(
    plane: ControlPlane, controller: ControllerProcess, namespace: str
) -> None:
    audit = {"namespaces": [{"selector": {"matchLabels": {"team": "new"}}, "mode": "audit"}]}
    controller.settings.write_text(json.dumps(audit), encoding="utf-8")
    wait_until(lambda: "another configuration" in controller.log(), SLOW_SECONDS)
    plane.kubectl("label", "namespace", namespace, "team=new")
    apply(plane, llama(namespace))
    held = "scaleguard_controller_reconciles_total"
    wait_until(lambda: controller.metric(held, result="held_back") > 0, SLOW_SECONDS)
    assert managed(plane, namespace) == []
    controller.settings.write_text("{}", encoding="utf-8")
    become(plane, namespace, [["cpu", "memory"]])
    controller.settings.write_text(json.dumps({"vpa": {"enabled": False}}), encoding="utf-8")
    become(plane, namespace, [])
    controller.settings.write_text("{}", encoding="utf-8")
    become(plane, namespace, [["cpu", "memory"]])


def test_another_replica_goes_on_when_the_leader_is_lost(
    plane: ControlPlane,
    controller: ControllerProcess,
    namespace: str,
    tmp_path: Path,
) -> None:
    apply(plane, llama(namespace))
    become(plane, namespace, [["cpu", "memory"]])
    before = managed(plane, namespace)
    lease = ("get", "lease", "scaleguard-controller", "-n", "default", "-o", "json")
    with ControllerProcess(plane, tmp_path) as other:
        assert other.metric("scaleguard_controller_leader") == 0
        controller.kill()
        # What happens while nobody writes is made up for.
        apply(plane, hpa("llama", "llama", namespace=namespace))
        wait_until(lambda: other.metric("scaleguard_controller_leader") == 1, 60)
        become(plane, namespace, [["memory"]])
        assert other.metric("scaleguard_controller_requests_total", verb="apply") >= 1
        held = json.loads(plane.kubectl(*lease).stdout)["spec"]
    (after,) = managed(plane, namespace)
    assert after["metadata"]["uid"] == before[0]["metadata"]["uid"]
    # Who ends gently lets go: nobody waits for that Lease.
    free = json.loads(plane.kubectl(*lease).stdout)["spec"]
    assert (bool(held["holderIdentity"]), free.get("holderIdentity", "")) == (True, "")


def test_vpa_may_be_installed_later_and_go(tmp_path: Path) -> None:
    with ControlPlane() as plane:
        grant(plane)
        with ControllerProcess(plane, tmp_path) as controller:
            apply(plane, llama("default"))
            wait_until(lambda: "VPAWithheld" in events(plane, "default"), SLOW_SECONDS)
            absent = "no VPA is made: the cluster has no VerticalPodAutoscalers"
            assert events(plane, "default")["VPAWithheld"] == [absent]
            plane.install_crds("vpa")
            become(plane, "default", [["cpu", "memory"]])
            looks = "scaleguard_controller_reconciles_total"
            seen = controller.metric(looks, result="absent")
            plane.kubectl("delete", "crd", "verticalpodautoscalers.autoscaling.k8s.io")
            # An API server lets the watch of a CRD that has gone stand, until its time is over.
            wait_until(lambda: controller.metric(looks, result="absent") > seen, 90)
            plane.install_crds("vpa")
            become(plane, "default", [["cpu", "memory"]])
