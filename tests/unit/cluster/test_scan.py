"""A scan against a server that has little, refuses much, or is not there."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.cluster.fake import Answer, FakeApi, Raw, page, status
from tests.unit.cluster.states import answer, autoscaler, key, owned_by, workload
from webhook.cli.main import cli
from webhook.cluster.resources import BUILT_IN_VERSIONS, targets, version_path
from webhook.errors import ScaleguardError
from webhook.knowledge import knowledge

GROUPS = {"autoscaling.k8s.io": "v1", "keda.sh": "v1alpha1"}
VPAS = "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"
HPAS = "/apis/autoscaling/v2/horizontalpodautoscalers"
DEPLOYMENTS = "/apis/apps/v1/deployments"


def on_groups(server: FakeApi, **more: str) -> None:
    listed = [
        {"name": name, "preferredVersion": {"version": version}}
        for name, version in (GROUPS | more).items()
    ]
    server.on("/apis", answer({"groups": listed}))


@pytest.fixture
def small(server: FakeApi) -> FakeApi:
    """A cluster with the built-in kinds and VPA's CRD, and a conflict in the namespace shop."""
    on_groups(server)
    for group, kind in targets(knowledge().kinds):
        if group in BUILT_IN_VERSIONS:
            path = version_path(group, BUILT_IN_VERSIONS[group])
            server.on(f"{path}/{kind.lower()}s", page([], kind=f"{kind}List"))
    for path in (
        "/api/v1/namespaces",
        "/api/v1/limitranges",
        "/api/v1/resourcequotas",
        "/api/v1/services",
        "/api/v1/nodes",
        "/apis/policy/v1/poddisruptionbudgets",
        "/apis/keda.sh/v1alpha1/scaledobjects",
    ):
        server.on(path, page([]))
    hpa, vpa = autoscaler("h", key()), autoscaler("v", key(), vpa=True)
    hpa["metadata"]["managedFields"] = [{"manager": "me"}]
    hpa["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    server.on(HPAS, page([hpa]))
    server.on(VPAS, page([vpa]))
    server.on(DEPLOYMENTS, page([workload("web")], kind="DeploymentList"))
    return server


def scan(server: FakeApi, folder: Path, *arguments: str) -> Result:
    kubeconfig = str(server.kubeconfig(folder))
    return CliRunner().invoke(cli, ["scan", "--kubeconfig", kubeconfig, *arguments])


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def named(found: dict[str, Any]) -> dict[str, str]:
    return {
        f"{one['resource']['kind']} {one['resource']['name']}": one["action"]
        for one in found["results"]
    }


def test_conflict_is_found_on_both(small: FakeApi, tmp_path: Path) -> None:
    result = scan(small, tmp_path, "-o", "json")
    assert result.exit_code == 1
    found = document(result)
    assert named(found) == {
        "HorizontalPodAutoscaler h": "deny",
        "VerticalPodAutoscaler v": "deny",
        "Deployment web": "allow",
    }
    assert [one["source"] for one in found["results"]] == [
        {"file": "cluster/shop", "document": number} for number in (1, 2, 3)
    ]
    assert found["results"][0]["findings"][0]["containers"] == ["app"]
    assert {asked.method for asked in small.asked} == {"GET"}
    assert not any("pods" in path or "secrets" in path for path in small.paths())


def test_text_says_the_same(small: FakeApi, tmp_path: Path) -> None:
    result = scan(small, tmp_path)
    assert result.exit_code == 1
    assert "cluster/shop" in result.stdout
    assert "3 objects: 2 denied" in result.stdout


def test_what_controllers_made_is_left_out(small: FakeApi, tmp_path: Path) -> None:
    made = [workload(name, "ReplicaSet", metadata=owned_by("web")) for name in ("web-1", "web-2")]
    orphan = workload("lost-1", "ReplicaSet", metadata=owned_by("gone"))
    small.on("/apis/apps/v1/replicasets", page([*made, orphan], kind="ReplicaSetList"))
    small.on(VPAS, page([autoscaler("v", key("web-2", "ReplicaSet"), vpa=True)]))
    found = named(document(scan(small, tmp_path, "-o", "json")))
    assert "ReplicaSet web-1" not in found
    assert {"ReplicaSet web-2", "ReplicaSet lost-1"} <= set(found)
    assert found["VerticalPodAutoscaler v"] == "warn"


def test_what_stands_above_a_workload_of_a_vpa_stays(small: FakeApi, tmp_path: Path) -> None:
    """A scaler of an InferenceSet meets a VPA three levels below it."""
    on_groups(small, **{"kaito.sh": "v1"})
    kinds = [{"name": f"{kind.lower()}s", "kind": kind} for kind in ("InferenceSet", "Workspace")]
    small.on("/apis/kaito.sh/v1", answer({"resources": kinds}))
    top = workload("phi", "InferenceSet", "kaito.sh/v1")
    between = workload(
        "phi-0", "Workspace", "kaito.sh/v1", metadata=owned_by("phi", "InferenceSet", "kaito.sh/v1")
    )
    below = workload("phi-0", metadata=owned_by("phi-0", "Workspace", "kaito.sh/v1"))
    small.on("/apis/kaito.sh/v1/inferencesets", page([top], kind="InferenceSetList"))
    small.on("/apis/kaito.sh/v1/workspaces", page([between], kind="WorkspaceList"))
    small.on(DEPLOYMENTS, page([below], kind="DeploymentList"))
    small.on(HPAS, page([autoscaler("h", key("phi", "InferenceSet", "kaito.sh"))]))
    small.on(VPAS, page([autoscaler("v", key("phi-0"), vpa=True)]))
    found = named(document(scan(small, tmp_path, "-o", "json")))
    assert found["HorizontalPodAutoscaler h"] == found["VerticalPodAutoscaler v"] == "warn"


def test_crds_that_are_there_are_read_in_their_version(small: FakeApi, tmp_path: Path) -> None:
    on_groups(small, **{"argoproj.io": "v1alpha1", "ray.io": "v1"})
    kinds = {"argoproj.io/v1alpha1": "Rollout", "ray.io/v1": "RayCluster"}
    for version, kind in kinds.items():
        resources = [{"name": f"{kind.lower()}s", "kind": kind}, {"name": "others", "kind": "X"}]
        small.on(f"/apis/{version}", answer({"resources": resources}))
        raw = workload("one", kind, version)
        small.on(f"/apis/{version}/{kind.lower()}s", page([raw], kind=f"{kind}List"))
    found = named(document(scan(small, tmp_path, "-o", "json")))
    assert {"Rollout one", "RayCluster one"} <= set(found)
    assert "/apis/argoproj.io/v1alpha1/others" not in small.paths()


def test_kinds_of_the_configuration_are_read(small: FakeApi, tmp_path: Path) -> None:
    on_groups(small, **{"ai.example.com": "v1"})
    listed = {"resources": [{"name": "inferers", "kind": "Model", "namespaced": True}]}
    small.on("/apis/ai.example.com/v1", answer(listed))
    raw = workload("llama", "Model", "ai.example.com/v1")
    small.on("/apis/ai.example.com/v1/inferers", page([raw], kind="ModelList"))
    model = key("llama", "Model", "ai.example.com")
    small.on(HPAS, page([autoscaler("h", model)]))
    small.on(VPAS, page([autoscaler("v", model, vpa=True)]))
    kind = {"group": "ai.example.com", "kind": "Model", "templates": ["spec.template"]}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"workloads": [kind | {"scale": True}]}))
    found = document(scan(small, tmp_path, "-o", "json", "--config", str(config)))
    assert named(found)["Model llama"] == "allow"
    finding = found["results"][0]["findings"][0]
    assert (finding["rule"], finding["containers"]) == ("hpa-vpa-same-metric", ["app"])


def test_claims_are_read_where_a_workload_has_them(small: FakeApi, tmp_path: Path) -> None:
    on_groups(small, **{"resource.k8s.io": "v1"})
    kind = {"name": "resourceclaimtemplates", "kind": "ResourceClaimTemplate"}
    small.on("/apis/resource.k8s.io/v1", answer({"resources": [kind]}))
    device = {"exactly": {"deviceClassName": "gpu.nvidia.com"}, "name": "g"}
    claim: Raw = {
        "metadata": {"namespace": "shop", "name": "gpu"},
        "spec": {"spec": {"devices": {"requests": [device]}}},
    }
    templates = page([claim], kind="ResourceClaimTemplateList", api_version="resource.k8s.io/v1")
    small.on("/apis/resource.k8s.io/v1/resourceclaimtemplates", templates)
    raw = workload("web")
    raw["spec"]["template"]["spec"]["resourceClaims"] = [
        {"name": "g", "resourceClaimTemplateName": "gpu"}
    ]
    raw["spec"]["template"]["spec"]["containers"][0]["resources"] = {"claims": [{"name": "g"}]}
    small.on(DEPLOYMENTS, page([raw], kind="DeploymentList"))
    found = document(scan(small, tmp_path, "-o", "json"))
    (web,) = (one for one in found["results"] if one["resource"]["kind"] == "Deployment")
    assert web["workload"]["class"] == "inference"


def test_what_may_not_be_read_is_told(small: FakeApi, tmp_path: Path) -> None:
    small.on(VPAS, status(403, "Forbidden"))
    result = scan(small, tmp_path, "-o", "json")
    assert result.exit_code == 0
    missing = "verticalpodautoscalers.autoscaling.k8s.io: no right to list them in all namespaces"
    assert document(result)["skipped"] == [
        {"source": {"file": "cluster", "document": 1}, "reason": missing}
    ]
    assert f"not read: {missing}" in result.stderr


def test_what_fails_is_unreadable(small: FakeApi, tmp_path: Path) -> None:
    small.on(VPAS, status(500, "InternalError", "etcd is away"))
    result = scan(small, tmp_path, "-o", "json")
    assert result.exit_code == 2
    (skipped,) = document(result)["skipped"]
    assert skipped["unreadable"]
    assert "etcd is away" in skipped["reason"]


def test_group_that_cannot_be_discovered_is_unreadable(small: FakeApi, tmp_path: Path) -> None:
    on_groups(small, **{"argoproj.io": "v1alpha1"})
    small.on("/apis/argoproj.io/v1alpha1", status(503, "ServiceUnavailable", "away"))
    result = scan(small, tmp_path, "-o", "json")
    assert result.exit_code == 2
    (skipped,) = document(result)["skipped"]
    kinds, _, why = skipped["reason"].partition(" of argoproj.io: ")
    assert "Rollout" in kinds.split(", ")
    assert why.startswith("they cannot be read in all")


def test_namespaces_are_read_one_by_one(small: FakeApi, tmp_path: Path) -> None:
    for path, answers in list(small.answers.items()):
        before, slash, plural = path.rpartition("/")
        small.answers[f"{before}/namespaces/shop{slash}{plural}"] = answers
    small.on("/api/v1/namespaces/shop", answer({"kind": "Namespace", "metadata": {"name": "shop"}}))
    small.on("/api/v1/namespaces/none", status(404, "NotFound"))
    result = scan(small, tmp_path, "-n", "shop", "-n", "shop", "-o", "json")
    assert result.exit_code == 1
    assert len(document(result)["results"]) == 4
    assert HPAS not in small.paths()
    assert scan(small, tmp_path, "-n", "none").exit_code == 2


def test_namespace_that_may_not_be_read_is_told(small: FakeApi, tmp_path: Path) -> None:
    for path, answers in list(small.answers.items()):
        before, slash, plural = path.rpartition("/")
        small.answers[f"{before}/namespaces/shop{slash}{plural}"] = answers
    small.on("/api/v1/namespaces/shop", status(403, "Forbidden"))
    result = scan(small, tmp_path, "-n", "shop")
    assert "not read: namespaces: no right to get them in namespace shop" in result.stderr


def test_no_rights_at_all_is_an_error(server: FakeApi, tmp_path: Path) -> None:
    on_groups(server)
    server.take = lambda asked: (  # type: ignore[method-assign]
        server.answers["/apis"][0] if asked.path == "/apis" else status(403, "Forbidden")
    )
    result = scan(server, tmp_path)
    assert isinstance(result.exception, ScaleguardError)
    assert "lets nothing be read" in str(result.exception)
    assert "horizontalpodautoscalers.autoscaling: no right to list" in str(result.exception)


def test_cluster_that_does_not_answer_is_an_error(server: FakeApi, tmp_path: Path) -> None:
    server.on("/apis", Answer(hang_up=True))
    result = scan(server, tmp_path)
    assert isinstance(result.exception, ScaleguardError)
    assert "kubectl get namespaces" in str(result.exception)


READY = {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}}}


def server_pods(name: str) -> Raw:
    raw = workload(name)
    container = {"name": "app", "ports": [{"containerPort": 8080}], **READY}
    requests = {"requests": {"cpu": "1"}}
    metadata = {"labels": {"app": name}}
    spec = {"containers": [container | {"resources": requests}]}
    raw["spec"]["template"] = {"metadata": metadata, "spec": spec}
    return raw


def selecting(name: str, **metadata: Any) -> Raw:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"metadata": {"namespace": "shop", "name": name, **metadata}, "spec": spec}


@pytest.fixture
def unbalanced(small: FakeApi) -> FakeApi:
    """A server on an HPA in a cluster without any Service."""
    small.on(VPAS, page([]))
    small.on(DEPLOYMENTS, page([server_pods("web")], kind="DeploymentList"))
    return small


def told(server: FakeApi, folder: Path) -> list[str]:
    found = document(scan(server, folder, "-o", "json"))
    return [one["rule"] for each in found["results"] for one in each["findings"]]


def test_server_without_any_service_is_told(unbalanced: FakeApi, tmp_path: Path) -> None:
    assert told(unbalanced, tmp_path) == ["hpa-not-load-balanced"]


def test_service_of_an_operator_counts(unbalanced: FakeApi, tmp_path: Path) -> None:
    service = selecting("web", **owned_by("web"))
    unbalanced.on("/api/v1/services", page([service], kind="ServiceList"))
    assert told(unbalanced, tmp_path) == []


def test_pool_selects_as_a_service_does(unbalanced: FakeApi, tmp_path: Path) -> None:
    on_groups(unbalanced, **{"inference.networking.k8s.io": "v1"})
    path, kind = "/apis/inference.networking.k8s.io/v1", "InferencePool"
    resource = {"name": "inferencepools", "kind": kind}
    unbalanced.on(path, answer({"resources": [resource]}))
    pool = selecting("web") | {"spec": {"selector": {"matchLabels": {"app": "web"}}}}
    version = "inference.networking.k8s.io/v1"
    listed = page([pool], kind=f"{kind}List", api_version=version)
    unbalanced.on(f"{path}/inferencepools", listed)
    assert told(unbalanced, tmp_path) == []


def test_nothing_is_missing_where_services_cannot_be_read(
    unbalanced: FakeApi, tmp_path: Path
) -> None:
    unbalanced.on("/api/v1/services", status(403, "Forbidden"))
    assert told(unbalanced, tmp_path) == []


def test_nothing_is_missing_where_pools_cannot_be_read(unbalanced: FakeApi, tmp_path: Path) -> None:
    on_groups(unbalanced, **{"inference.networking.k8s.io": "v1"})
    unbalanced.on("/apis/inference.networking.k8s.io/v1", status(403, "Forbidden"))
    assert told(unbalanced, tmp_path) == []
