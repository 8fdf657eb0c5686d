"""What was refused, as people find it with kubectl: at the workload, or in its namespace.

The webhook is a user with the rights of `rbac.yaml` and no others.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import GPU, apply, wait_until
from tests.e2e.manifests import deployment, hpa, stream, vpa
from webhook.cluster.refusals import MOST_DIFFERENT

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

USER = "scaleguard-webhook"
ROLE = Path(__file__).resolve().parent / "rbac.yaml"
RULES = "rules: {gpu-node-squatter: deny}\n"
SQUATTING = [{"key": GPU, "operator": "Exists"}]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(RULES, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def guard(plane: ControlPlane, config: Path) -> Iterator[Guard]:
    plane.kubectl("apply", "-f", str(ROLE))
    binding = ("clusterrolebinding", USER)
    plane.kubectl("create", *binding, f"--clusterrole={USER}", f"--user={USER}")
    recording = ["--audit-spool", f"{config.parent}/spool"]
    recording += ["--audit-store", f"sqlite:///{config.parent}/audit.db"]
    arguments = ["--config", str(config), *recording]
    with Guard(plane, kubeconfig=plane.user(USER), arguments=arguments) as running:
        yield running
    plane.kubectl("delete", *binding)


def events(plane: ControlPlane, namespace: str) -> list[Raw]:
    found = plane.kubectl("get", "events", "-n", namespace, "-o", "json")
    listed: list[Raw] = json.loads(found.stdout)["items"]
    return [one for one in listed if one["reason"].endswith("Refused")]


def told(plane: ControlPlane, namespace: str, refusals: int) -> list[Raw]:
    """The events, once they count so many refusals."""
    wait_until(lambda: sum(one["count"] for one in events(plane, namespace)) == refusals)
    return events(plane, namespace)


def squatting(name: str, namespace: str) -> Raw:
    raw = deployment(name, namespace=namespace)
    raw["spec"]["template"]["spec"]["tolerations"] = SQUATTING
    return raw


def refused(plane: ControlPlane, raw: Raw, *options: str) -> None:
    done = plane.kubectl("apply", "-f", "-", *options, input=stream(raw), check=False)
    assert "denied the request" in done.stderr


@pytest.mark.usefixtures("guard")
def test_describe_of_a_deployment_shows_the_hpa_that_was_refused(
    plane: ControlPlane, namespace: str
) -> None:
    apply(plane, deployment("web", namespace=namespace), vpa("web", "web", namespace=namespace))
    refused(plane, hpa("web", "web", namespace=namespace), "--dry-run=server")
    for _ in range(3):
        refused(plane, hpa("web", "web", namespace=namespace))
    (event,) = told(plane, namespace, 3)
    assert event["type"] == "Warning"
    shown = plane.kubectl("describe", "deployment", "web", "-n", namespace).stdout
    _, _, tail = shown.partition("Events:")
    said = f"HorizontalPodAutoscaler {namespace}/web was refused: [hpa-vpa-same-metric] "
    assert "AutoscalerRefused" in tail
    assert "(x3 over " in tail
    assert said in tail
    assert "; fix: " in tail
    asked = ("events", "--for", "deployment/web", "-n", namespace)
    assert said in plane.kubectl(*asked).stdout


@pytest.mark.usefixtures("guard")
def test_what_is_refused_again_and_again_in_other_words_has_a_bound(
    plane: ControlPlane, namespace: str
) -> None:
    apply(plane, deployment("web", namespace=namespace), vpa("web", "web", namespace=namespace))
    most = MOST_DIFFERENT + 4
    for number in range(most):
        refused(plane, hpa(f"web-{number}", "web", namespace=namespace))
    found = told(plane, namespace, most)
    assert len(found) == MOST_DIFFERENT + 1
    (rest,) = [one for one in found if one["count"] == 4]
    assert rest["message"].startswith("more was refused by hpa-vpa-same-metric within the hour")
    shown = plane.kubectl("describe", "deployment", "web", "-n", namespace).stdout
    assert rest["message"] in shown


@pytest.mark.usefixtures("guard")
def test_a_change_of_a_workload_is_told_at_it_and_a_new_one_in_its_namespace(
    plane: ControlPlane, namespace: str
) -> None:
    apply(plane, deployment("web", namespace=namespace))
    refused(plane, squatting("web", namespace))
    told(plane, namespace, 1)
    shown = plane.kubectl("describe", "deployment", "web", "-n", namespace).stdout
    assert f"a change of Deployment {namespace}/web was refused: [gpu-node-squatter]" in shown
    refused(plane, squatting("new", namespace))
    told(plane, namespace, 2)
    said = f"Deployment {namespace}/new was refused: [gpu-node-squatter]"
    asked = ("events", "--for", f"namespace/{namespace}", "-n", namespace)
    assert said in plane.kubectl(*asked).stdout


@pytest.mark.usefixtures("guard")
def test_pods_that_an_operator_makes_are_one_event_on_what_it_makes_them_for(
    plane: ControlPlane, namespace: str
) -> None:
    plane.kubectl("create", "configmap", "night", "-n", namespace)
    found = plane.kubectl("get", "configmap", "night", "-n", namespace, "-o", "json")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "night", "controller": True}
    template = copy.deepcopy(squatting("web", namespace)["spec"]["template"]["spec"])
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "night-",
            "namespace": namespace,
            "ownerReferences": [owner | {"uid": json.loads(found.stdout)["metadata"]["uid"]}],
        },
        "spec": template,
    }
    for _ in range(4):
        done = plane.kubectl("create", "-f", "-", input=stream(pod), check=False)
        assert "denied the request" in done.stderr
    (event,) = told(plane, namespace, 4)
    assert event["reason"] == "PodRefused"
    shown = plane.kubectl("describe", "configmap", "night", "-n", namespace).stdout
    assert f"Pod {namespace}/night-* was refused: [gpu-node-squatter]" in shown


@pytest.mark.usefixtures("guard")
def test_an_autoscaler_on_what_nobody_has_made_yet_is_told_in_the_namespace(
    plane: ControlPlane, namespace: str
) -> None:
    apply(plane, hpa("ghost", "ghost", namespace=namespace))
    refused(plane, hpa("other", "ghost", namespace=namespace))
    (event,) = told(plane, namespace, 1)
    assert event["involvedObject"]["kind"] == "Namespace"
    assert event["involvedObject"]["name"] == namespace
    asked = ("events", "--for", f"namespace/{namespace}", "-n", namespace)
    assert "[duplicate-hpa]" in plane.kubectl(*asked).stdout


def test_what_is_told_and_recorded_changes_while_it_runs(
    plane: ControlPlane, namespace: str, guard: Guard, config: Path
) -> None:
    def counted(name: str) -> float:
        lines = (line.rpartition(" ") for line in guard.metrics().splitlines())
        return next((float(value) for series, _, value in lines if series == name), 0.0)

    def use(more: str) -> None:
        applied = 'scaleguard_config_reloads_total{result="applied"}'
        before = counted(applied)
        config.write_text(RULES + more, encoding="utf-8")
        wait_until(lambda: counted(applied) > before)

    def warn_and_refuse(name: str) -> tuple[float, float]:
        apply(plane, hpa(name, name, resource=GPU, namespace=namespace))  # hpa-invalid-metric
        refused(plane, hpa(f"{name}-2", name, namespace=namespace))
        kinds = ("warning", "denial")
        found = [counted(f'scaleguard_audit_records_total{{kind="{kind}"}}') for kind in kinds]
        return found[0], found[1]

    warnings, denials = warn_and_refuse("before")
    told(plane, namespace, 1)
    use("audit: {kinds: [], events: false}")
    assert warn_and_refuse("meanwhile") == (warnings, denials + 1)
    use("")
    assert warn_and_refuse("after")[0] > warnings
    found = told(plane, namespace, 2)
    assert not any("meanwhile" in one["message"] for one in found)
