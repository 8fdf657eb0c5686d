"""Ways around a judgement that somebody who may write workloads could think of, one by one.

A real API server asks as the chart says; what it says itself is part of the answer.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.controlplane.cluster import ControlPlane
from tests.e2e.charted import ChartedGuard
from tests.e2e.kubectl import GPU, apply, found, wait_until
from tests.e2e.manifests import deployment, hpa, vpa

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

SAME_METRIC, SQUATTER = "[hpa-vpa-same-metric]", "[gpu-node-squatter]"
SQUATTING = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
CYRILLIC_E, COMBINING_ACUTE = "\u0435", "\u0301"
VPA_CRD = ("crd", "verticalpodautoscalers.autoscaling.k8s.io")


@pytest.fixture(scope="module", autouse=True)
def guard(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChartedGuard]:
    config = tmp_path_factory.mktemp("config") / "config.yaml"
    config.write_text("rules: {gpu-node-squatter: deny}\n", encoding="utf-8")
    with ChartedGuard(plane, ["--config", str(config)]) as running:
        yield running


@pytest.fixture
def space(plane: ControlPlane, namespace: str) -> str:
    """A namespace in which `web` has a VPA, and `api` an HPA on cpu."""
    both = [deployment(name, namespace=namespace, replicas=0) for name in ("web", "api")]
    scaled = hpa("api", "api", namespace=namespace), vpa("web", "web", namespace=namespace)
    apply(plane, *both, *scaled)
    return namespace


def said(plane: ControlPlane, *arguments: str, raw: Raw | None = None) -> str:
    """What kubectl says of a request that is refused; nothing where it is done."""
    text = json.dumps(raw) if raw is not None else None
    done = plane.kubectl(*arguments, input=text, check=False)
    return "" if done.returncode == 0 else done.stderr


def created(plane: ControlPlane, raw: Raw, *options: str) -> str:
    return said(plane, "create", "-f", "-", *options, raw=raw)


def patched(plane: ControlPlane, space: str, what: str, patch: Any, *options: str) -> str:
    named = ("patch", *what.split(), "-n", space)
    return said(plane, *named, "-p", json.dumps(patch), *options)


def got(plane: ControlPlane, space: str, what: str) -> Raw:
    raw: Raw = json.loads(plane.kubectl("get", *what.split(), "-n", space, "-o", "json").stdout)
    return raw


def pod(name: str, space: str, **spec: Any) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space},
        "spec": {"containers": [{"name": "app", "image": "app"}], **spec},
    }


def test_another_version_is_judged(plane: ControlPlane, space: str) -> None:
    old = hpa("web", "web", namespace=space)
    del old["spec"]["metrics"]
    assert SAME_METRIC in created(plane, old | {"apiVersion": "autoscaling/v1"})
    # VPA's CRD has a beta that it serves no more: where a cluster still does, it is no way around.
    beta = vpa("api", "api", namespace=space) | {"apiVersion": "autoscaling.k8s.io/v1beta2"}
    serve = [{"op": "replace", "path": "/spec/versions/1/served", "value": True}]
    plane.kubectl("patch", *VPA_CRD, "--type=json", "-p", json.dumps(serve))
    try:
        wait_until(lambda: "no matches for kind" not in created(plane, beta))
        assert SAME_METRIC in created(plane, beta)
    finally:
        serve[0]["value"] = False
        plane.kubectl("patch", *VPA_CRD, "--type=json", "-p", json.dumps(serve))
    assert not found(plane, "vpa", space, "api")


def test_every_way_to_write_is_judged(plane: ControlPlane, space: str) -> None:
    there = vpa("api", "api", mode="Off", namespace=space)
    assert created(plane, there) == ""
    mode = {"spec": {"updatePolicy": {"updateMode": "Initial"}}}
    target = {"spec": {"scaleTargetRef": {"name": "web"}}}
    replace = [{"op": "replace", "path": "/spec/scaleTargetRef/name", "value": "web"}]
    for change in (
        patched(plane, space, "vpa api", mode, "--type=merge"),
        patched(plane, space, "hpa api", target, "--type=merge"),
        patched(plane, space, "hpa api", target, "--type=strategic"),
        patched(plane, space, "hpa api", replace, "--type=json"),
        said(plane, "replace", "-f", "-", raw=hpa("api", "web", namespace=space)),
    ):
        assert SAME_METRIC in change
    by_server = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    for raw in (hpa("api", "web", namespace=space), hpa("web", "web", namespace=space)):
        assert SAME_METRIC in said(plane, *by_server, raw=raw)
        assert SAME_METRIC in said(plane, *by_server, "--dry-run=server", raw=raw)
    unnamed = hpa("web", "web", namespace=space)
    unnamed["metadata"] = {"generateName": "web-", "namespace": space}
    assert SAME_METRIC in created(plane, unnamed)
    # An empty name is none.
    unnamed["metadata"] |= {"name": ""}
    assert SAME_METRIC in created(plane, unnamed)


def test_subresources_change_nothing_that_is_judged(plane: ControlPlane, space: str) -> None:
    by_status = ("--subresource=status", "--type=merge")
    moved = {"spec": {"scaleTargetRef": {"name": "web"}, "targetRef": {"name": "api"}}}
    for what, target in (("hpa api", "scaleTargetRef"), ("vpa web", "targetRef")):
        before = got(plane, space, what)["spec"][target]
        assert patched(plane, space, what, moved, *by_status) == ""
        assert got(plane, space, what)["spec"][target] == before
    template = {"spec": {"template": {"spec": {"tolerations": SQUATTING}}}}
    assert patched(plane, space, "deployment web", template, *by_status) == ""
    assert "tolerations" not in got(plane, space, "deployment web")["spec"]["template"]["spec"]
    # Through its scale a workload gets a number alone, which hides no conflict.
    scale = {"spec": {"replicas": 1, **template["spec"]}}
    assert patched(plane, space, "deployment web", scale, "--subresource=scale") == ""
    assert "tolerations" not in got(plane, space, "deployment web")["spec"]["template"]["spec"]
    assert SAME_METRIC in created(plane, hpa("web", "web", namespace=space))

    assert created(plane, pod("plain", space)) == ""
    asked = {"name": "app", "resources": {"limits": {GPU: "1"}, "requests": {GPU: "1"}}}
    resized = {"spec": {"containers": [asked], "tolerations": SQUATTING}}
    assert patched(plane, space, "pod plain", resized, "--subresource=resize") != ""
    debug = {"name": "debug", "image": "app", "resources": asked["resources"]}
    added = {"spec": {"ephemeralContainers": [debug], "tolerations": SQUATTING}}
    assert patched(plane, space, "pod plain", added, "--subresource=ephemeralcontainers") != ""
    del debug["resources"]
    assert patched(plane, space, "pod plain", added, "--subresource=ephemeralcontainers") == ""
    keys = [one.get("key") for one in got(plane, space, "pod plain")["spec"]["tolerations"]]
    assert GPU not in keys


def test_a_pod_that_tolerates_more_later_is_judged(plane: ControlPlane, space: str) -> None:
    assert SQUATTER in created(plane, pod("squatter", space, tolerations=SQUATTING))
    waiting = pod("waiting", space, schedulingGates=[{"name": "example.com/later"}])
    assert created(plane, waiting) == ""
    there = got(plane, space, "pod waiting")["spec"]["tolerations"]
    more = {"spec": {"tolerations": [*there, *SQUATTING]}}
    assert SQUATTER in patched(plane, space, "pod waiting", more, "--type=merge")
    other = {"spec": {"tolerations": [*there, {"key": "team", "operator": "Exists"}]}}
    assert patched(plane, space, "pod waiting", other, "--type=merge") == ""
    # The annotation that has a pod left alone is no pod's that is still to be scheduled.
    mirror = pod("mirror", space, tolerations=SQUATTING)
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert "must set spec.nodeName if mirror pod annotation is set" in created(plane, mirror)


def test_an_owner_that_somebody_names_counts_for_nothing(plane: ControlPlane, space: str) -> None:
    web = got(plane, space, "deployment web")
    owner = {key: web["metadata"][key] for key in ("name", "uid")}
    owner |= {"apiVersion": "apps/v1", "kind": "Deployment", "controller": True}
    forged = pod("forged", space, tolerations=SQUATTING)
    forged["metadata"]["ownerReferences"] = [owner]
    assert SQUATTER in created(plane, forged)
    account = f"system:serviceaccount:{space}:default"
    allowed = ("create", "rolebinding", "edits", "-n", space, "--clusterrole=edit")
    plane.kubectl(*allowed, f"--serviceaccount={space}:default")
    wait_until(lambda: "cannot create" not in created(plane, forged, "--as", account))
    assert SQUATTER in created(plane, forged, "--as", account)
    # What a controller makes is not asked about again: its template is what was judged.
    assert (
        created(plane, forged, "--as=system:kube-controller-manager", "--as-group=system:masters")
        == ""
    )


def test_what_is_being_deleted_acts_until_it_is_gone(plane: ControlPlane, space: str) -> None:
    kept = [{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/stay"]}]
    assert patched(plane, space, "hpa api", kept, "--type=json") == ""
    plane.kubectl("delete", "hpa", "api", "-n", space, "--wait=false")
    assert SAME_METRIC in created(plane, vpa("api", "api", namespace=space))
    # Nor may it turn to another workload on its way.
    target = {"spec": {"scaleTargetRef": {"name": "web"}}}
    assert SAME_METRIC in patched(plane, space, "hpa api", target, "--type=merge")
    gone = [{"op": "remove", "path": "/metadata/finalizers"}]
    assert patched(plane, space, "hpa api", gone, "--type=json") == ""
    assert not found(plane, "hpa", space, "api")
    wait_until(lambda: created(plane, vpa("api", "api", namespace=space)) == "")


def test_letters_that_look_alike_name_something_else(plane: ControlPlane, space: str) -> None:
    def named(name: str, kind: str) -> Raw:
        raw = hpa(name, "web", namespace=space)
        raw["spec"]["scaleTargetRef"]["kind"] = kind
        return raw

    def found_its_target(name: str) -> str | None:
        listed = got(plane, space, f"hpa {name}").get("status", {}).get("conditions", [])
        return next((one["status"] for one in listed if one["type"] == "AbleToScale"), None)

    # Small letters name the same kind to what scales replicas: so they do here.
    assert SAME_METRIC in created(plane, named("small", "deployment"))
    small = named("small", "deployment")
    small["spec"]["scaleTargetRef"]["name"] = "free"
    assert created(plane, deployment("free", namespace=space)) == ""
    assert created(plane, small) == ""
    assert SAME_METRIC in created(plane, vpa("free", "free", namespace=space))
    assert created(plane, named("alike", f"D{CYRILLIC_E}ployment")) == ""
    other = hpa("other", f"w{CYRILLIC_E}b", namespace=space)
    assert created(plane, other) == ""

    for resource in (GPU.replace("p", "\u0440"), f"{GPU}{COMBINING_ACUTE}"):
        limits = {"limits": {resource: "1"}}
        asking = pod("asking", space)
        asking["spec"]["containers"][0]["resources"] = limits
        assert "Invalid value" in created(plane, asking)
        asking = deployment("asking", namespace=space)
        asking["spec"]["template"]["spec"]["containers"][0]["resources"] = limits
        assert "Invalid value" in created(plane, asking)
    assert "RFC 1123" in created(plane, deployment(f"w{CYRILLIC_E}b", namespace=space))

    found = dict.fromkeys(("small", "alike", "other"), "")
    wait_until(lambda: all(found_its_target(name) for name in found))
    assert {name: found_its_target(name) for name in found} == {
        "small": "True",
        "alike": "False",
        "other": "False",
    }


def test_depth_and_numbers_hide_nothing(plane: ControlPlane, space: str) -> None:
    session = requests.Session()
    session.trust_env = False  # a bundle that the environment names would win over ours
    session.cert = str(plane.layout.admin[0]), str(plane.layout.admin[1])
    session.verify = str(plane.layout.authority)

    def post(raw: Raw, fields: str, member: str = "") -> str:
        managed = (
            '"managedFields":[{"manager":"m","operation":"Update","apiVersion":"autoscaling/v2",'
            f'"fieldsType":"FieldsV1","fieldsV1":{fields}}}],'
        )
        text = json.dumps(raw).replace('"metadata": {', f'"metadata": {{{managed}')
        text = text.replace('"spec": {', f'"spec": {{{member}')
        group, plural = raw["apiVersion"], f"{raw['kind'].lower()}s"
        answer = session.post(
            f"{plane.server}/apis/{group}/namespaces/{space}/{plural}",
            params={"fieldValidation": "Ignore"},
            data=text.encode(),
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        message: str = answer.json().get("message", "")
        return message

    deep = '{"f:a":' * 3_000 + "{}" + "}" * 3_000
    managed = (deep, '{"f:a":1e999}', '{"f:a":' + "9" * 5_000 + "}")
    numbers = ("9" * 400, "1e400", "1e-400", "-0", "9" * 25)
    for raw in (hpa("web", "web", namespace=space), vpa("api", "api", namespace=space)):
        messages = [post(raw, fields) for fields in managed]
        messages += [post(raw, "{}", f'"unknown":{number},') for number in numbers]
        # What the API server cannot read itself never gets here.
        for message in messages:
            assert SAME_METRIC in message or "json: cannot unmarshal number" in message, message
        assert SAME_METRIC in messages[0]
        assert SAME_METRIC in messages[-1]
    session.close()


def test_a_namespace_keeps_the_name_that_it_is_selected_by(plane: ControlPlane, space: str) -> None:
    name = ("label", "namespace", space, "kubernetes.io/metadata.name=kube-system", "--overwrite")
    said(plane, *name)
    labels = got(plane, space, f"namespace {space}")["metadata"]["labels"]
    assert labels["kubernetes.io/metadata.name"] == space
    assert SAME_METRIC in apply(plane, hpa("web", "web", namespace=space), check=False)
