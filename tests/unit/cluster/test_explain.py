"""`scaleguard explain` of what is in a cluster: names as kubectl has them, missing rights."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.cluster.fake import FakeApi, Raw, page, status
from tests.unit.cluster.states import answer, owned_by
from webhook.cli.main import cli, main

GPU = {"limits": {"nvidia.com/gpu": 1}}
SPEC: Raw = {"containers": [{"name": "main", "image": "vllm/vllm-openai:1", "resources": GPU}]}
PODS = "/api/v1/namespaces/ml/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/ml/deployments"
VPAS = "/apis/autoscaling.k8s.io/v1/namespaces/ml/verticalpodautoscalers"
FORBIDDEN = status(403, "Forbidden")


def object_of(kind: str, api: str = "v1", name: str = "llm", **rest: Any) -> Raw:
    metadata = {"name": name, "namespace": "ml", **rest.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


POD = object_of("Pod", spec=SPEC, metadata=owned_by("llm-1", "ReplicaSet"))
DEPLOYMENT = object_of("Deployment", "apps/v1", spec={"template": {"spec": SPEC}})


@pytest.fixture
def ml(server: FakeApi) -> FakeApi:
    """A cluster with a pod and a Deployment in a namespace with a profile, and with one node."""
    annotations = {"scheduler.alpha.kubernetes.io/tolerationsWhitelist": '[{"key": "other"}]'}
    server.on("/api/v1/namespaces/ml", answer(object_of("Namespace", metadata={
        "name": "ml", "annotations": annotations})))  # fmt: skip
    memory = {"type": "Container", "defaultRequest": {"memory": "1Gi"}}
    limits = object_of("LimitRange", spec={"limits": [memory]})
    server.on("/api/v1/namespaces/ml/limitranges", page([limits], kind="LimitRangeList"))
    server.on("/api/v1/namespaces/ml/resourcequotas", page([], kind="ResourceQuotaList"))
    node = object_of("Node", name="small", metadata={"managedFields": []})
    node["status"] = {"allocatable": {"cpu": "1500m", "memory": "32Gi", "nvidia.com/gpu": "1"}}
    server.on("/api/v1/nodes", page([node], kind="NodeList"))
    server.on(f"{PODS}/llm", answer(POD))
    server.on(f"{DEPLOYMENTS}/llm", answer(DEPLOYMENT))
    return server


def explain(server: FakeApi, folder: Path, *arguments: str) -> Result:
    kubeconfig = str(server.kubeconfig(folder))
    words = ["explain", "--kubeconfig", kubeconfig, *arguments]
    return CliRunner().invoke(cli, words, catch_exceptions=True)


def fault(server: FakeApi, folder: Path, *arguments: str) -> str:
    """What a person is told in place of an explanation."""
    result = explain(server, folder, *arguments)
    assert result.stdout == ""
    return str(result.exception)


def test_a_pod_is_explained_in_its_world(ml: FakeApi, tmp_path: Path) -> None:
    result = explain(ml, tmp_path, "llm", "-n", "ml", "-o", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    [found] = document["pods"]
    assert found["source"] is None
    assert document["unread"] == []
    requests = {one["field"]: one for one in found["injected"]}
    cpu = requests["spec.containers[main].resources.requests.cpu"]
    assert cpu["value"] == "1500m"
    assert cpu["why"].endswith("cut to what node small gives")
    assert [one["reason"] for one in found["leftAlone"]] == [
        "a LimitRange of the namespace fills it in",
        "the namespace's scheduler.alpha.kubernetes.io/tolerationsWhitelist leaves it out",
    ]
    assert {asked.method for asked in ml.asked} == {"GET"}
    assert VPAS not in ml.paths()


@pytest.mark.parametrize(
    "written",
    ["deployment/llm", "deployments/llm", "deploy/llm", "deployment.apps/llm", "Deployment/llm"],
)
def test_kinds_are_named_as_kubectl_names_them(ml: FakeApi, tmp_path: Path, written: str) -> None:
    result = explain(ml, tmp_path, written, "-n", "ml")
    assert result.exit_code == 0
    assert result.stdout.startswith("Deployment ml/llm  spec.template\n  AI pod: inference")
    assert VPAS in ml.paths()


@pytest.mark.parametrize("written", ["deployment.v1.apps/llm", "po/llm", "pods/llm"])
def test_versions_and_short_names_may_stand_there(
    ml: FakeApi, tmp_path: Path, written: str
) -> None:
    assert explain(ml, tmp_path, written, "-n", "ml").exit_code == 0


def test_custom_resources_are_found_in_their_version(ml: FakeApi, tmp_path: Path) -> None:
    ml.on("/apis/batch.volcano.sh", answer({"versions": [{"version": "v1alpha1"}]}))
    resources = [{"name": "jobs", "kind": "Job"}]
    ml.on("/apis/batch.volcano.sh/v1alpha1", answer({"resources": resources}))
    raw = object_of("Job", "batch.volcano.sh/v1alpha1", spec={"tasks": [{"template": {"spec": SPEC}}]})  # fmt: skip  # noqa: E501
    ml.on("/apis/batch.volcano.sh/v1alpha1/namespaces/ml/jobs/llm", answer(raw))
    for written in ("vcjob/llm", "job.batch.volcano.sh/llm"):
        result = explain(ml, tmp_path, written, "-n", "ml")
        assert result.stdout.startswith("Job ml/llm  spec.tasks[0].template\n  AI pod: training")


def test_kinds_of_the_configuration_are_found(ml: FakeApi, tmp_path: Path) -> None:
    ml.on("/apis/ai.example.com", answer({"versions": [{"version": "v1"}]}))
    resources = [{"name": "inferers", "kind": "Model"}]
    ml.on("/apis/ai.example.com/v1", answer({"resources": resources}))
    raw = object_of("Model", "ai.example.com/v1", spec={"template": {"spec": SPEC}})
    ml.on("/apis/ai.example.com/v1/namespaces/ml/inferers/llm", answer(raw))
    kind = {"group": "ai.example.com", "kind": "Model", "plural": "inferers", "class": "training"}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"workloads": [kind | {"templates": ["spec.template"]}]}))
    for written in ("model/llm", "inferers.ai.example.com/llm"):
        result = explain(ml, tmp_path, written, "-n", "ml", "--config", str(config))
        assert result.stdout.startswith("Model ml/llm  spec.template\n  AI pod: training")
    ml.on("/apis/ai.example.com/v1/namespaces/ml/inferers/llm", FORBIDDEN)
    said = fault(ml, tmp_path, "model/llm", "-n", "ml", "--config", str(config))
    assert said.startswith("Model ml/llm: no right to get inferers in namespace ml")
    unknown = "model/llm: there is no such file, and model is no kind that makes pods"
    assert fault(ml, tmp_path, "model/llm").startswith(unknown)


def test_claims_of_the_pod_are_read(ml: FakeApi, tmp_path: Path) -> None:
    spec: Raw = {
        "containers": [{"name": "main", "resources": {"claims": [{"name": "c"}]}}],
        "resourceClaims": [
            {"name": "c", "resourceClaimName": "one"},
            {"name": "d", "resourceClaimTemplateName": "two"},
        ],
    }
    ml.on(f"{PODS}/llm", answer(object_of("Pod", spec=spec)))
    ml.on("/apis/resource.k8s.io", answer({"versions": [{"version": "v1"}]}))
    resources = [{"name": "resourceclaims", "kind": "ResourceClaim"}]
    ml.on("/apis/resource.k8s.io/v1", answer({"resources": resources}))
    devices = {"requests": [{"exactly": {"deviceClassName": "gpu.nvidia.com"}}]}
    claim = object_of("ResourceClaim", "resource.k8s.io/v1", "one", spec={"devices": devices})
    claims = "/apis/resource.k8s.io/v1/namespaces/ml/resourceclaims/one"
    ml.on(claims, answer(claim))
    result = explain(ml, tmp_path, "llm", "-n", "ml")
    assert "accelerators: gpu.nvidia.com 1 (container main; NVIDIA devices)" in result.stdout
    ml.on(claims, FORBIDDEN)
    result = explain(ml, tmp_path, "llm", "-n", "ml")
    assert "no AI pod" in result.stdout
    assert result.stderr == (
        "not read: resourceclaims.resource.k8s.io: no right to get them in namespace ml\n"
    )


def test_what_may_not_be_read_is_said(ml: FakeApi, tmp_path: Path) -> None:
    for path in ("namespaces/ml", "namespaces/ml/limitranges", "nodes"):
        ml.on(f"/api/v1/{path}", FORBIDDEN)
    ml.on("/api/v1/namespaces/ml/resourcequotas", status(500, "InternalError"))
    ml.on(VPAS, FORBIDDEN)
    result = explain(ml, tmp_path, "deploy/llm", "-n", "ml", "-o", "json")
    assert result.exit_code == 0
    unread = [
        "namespaces: no right to get them in namespace ml",
        "limitranges: no right to list them in namespace ml",
        "resourcequotas: they cannot be read in namespace ml: InternalError: no",
        "verticalpodautoscalers.autoscaling.k8s.io: no right to list them in namespace ml",
        "nodes: no right to list them in all namespaces",
    ]
    assert json.loads(result.stdout)["unread"] == unread
    assert result.stderr.splitlines() == [f"not read: {one}" for one in unread]


# ---------------------------------------------------------------- namespaces


def with_namespace(path: Path, context: str, namespace: str, current: str = "") -> Path:
    written = json.loads(path.read_text("utf-8")) if path.exists() else {}
    place = {"cluster": "c", "user": "u", "namespace": namespace}
    written["contexts"] = [{"name": context, "context": place}]
    written["current-context"] = current
    path.write_text(json.dumps(written), encoding="utf-8")
    return path


def test_the_namespace_is_that_of_the_context(
    ml: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = with_namespace(ml.kubeconfig(tmp_path), "y", "ml", "y")
    runner = CliRunner()
    for words in (["llm"], ["llm", "--context", "y"]):
        result = runner.invoke(cli, ["explain", "--kubeconfig", str(kubeconfig), *words])
        assert result.stdout.startswith("Pod ml/llm\n")
    # Several files are one configuration; the first that names a current context wins.
    (tmp_path / "more").mkdir()
    broken = tmp_path / "more" / "broken"
    broken.write_text("[", encoding="utf-8")
    whole = with_namespace(ml.kubeconfig(tmp_path), "y", "ml", "y")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{whole}")
    assert runner.invoke(cli, ["explain", "llm"]).stdout.startswith("Pod ml/llm\n")


def test_without_one_it_is_default(ml: FakeApi, tmp_path: Path) -> None:
    ml.on("/api/v1/namespaces/default/pods/llm", answer(POD))
    assert explain(ml, tmp_path, "llm").exit_code == 0


# ---------------------------------------------------------------- faults


def test_nothing_of_that_name_says_what_was_tried(ml: FakeApi, tmp_path: Path) -> None:
    assert fault(ml, tmp_path, "nope", "-n", "ml") == (
        f"nope: there is no such file, and no pod of that name in namespace ml of {ml.url}; "
        "-n names another one, and KIND/NAME another kind: deployment/nope"
    )
    assert fault(ml, tmp_path, "sts/nope", "-n", "ml") == (
        f"StatefulSet ml/nope: not found at {ml.url}; -n names its namespace"
    )
    assert fault(ml, tmp_path, "rayjob/nope", "-n", "ml") == (
        f"{ml.url} has no rayjobs of ray.io: the CRD is not installed"
    )


def test_missing_rights_to_the_pod_itself(ml: FakeApi, tmp_path: Path) -> None:
    ml.on(f"{PODS}/llm", FORBIDDEN)
    assert fault(ml, tmp_path, "llm", "-n", "ml").startswith(
        "Pod ml/llm: no right to get pods in namespace ml; ask for it, or "
    )


def test_a_server_that_fails(ml: FakeApi, tmp_path: Path) -> None:
    ml.on(f"{PODS}/llm", status(500, "InternalError"))
    said = fault(ml, tmp_path, "llm", "-n", "ml")
    assert said.startswith(f"{ml.url}: InternalError: no; see whether `kubectl get pod llm -n ml`")


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("depoyment/llm", "did you mean deployment/llm?"),
        ("xyzzy/llm", "write pod/NAME or deployment/NAME"),
        ("deployment.batch/llm", "did you mean deployment/llm?"),
    ],
)
def test_a_kind_that_makes_no_pods(ml: FakeApi, tmp_path: Path, written: str, hint: str) -> None:
    kind = written.partition("/")[0]
    assert fault(ml, tmp_path, written) == (
        f"{written}: there is no such file, and {kind} is no kind that makes pods; {hint}"
    )
    assert ml.asked == []


def test_a_template_that_a_controller_writes(ml: FakeApi, tmp_path: Path) -> None:
    ml.on("/apis/serving.kserve.io", answer({"versions": [{"version": "v1beta1"}]}))
    resources = [{"name": "inferenceservices", "kind": "InferenceService"}]
    ml.on("/apis/serving.kserve.io/v1beta1", answer({"resources": resources}))
    path = "/apis/serving.kserve.io/v1beta1/namespaces/ml/inferenceservices/llm"
    ml.on(path, answer(object_of("InferenceService", "serving.kserve.io/v1beta1")))
    assert fault(ml, tmp_path, "isvc/llm", "-n", "ml") == (
        "InferenceService ml/llm: no pod template in it: the controller of InferenceService writes "
        "the pod template; explain one of its pods"
    )


def test_without_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    for name, begins in {
        "llm": "llm: there is no such file, and no cluster to look for such a pod in: there is no",
        "pod/llm": f"there is no kubeconfig at {tmp_path}/none: ",
    }.items():
        with pytest.raises(SystemExit) as ended:
            main(["explain", name])
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith(f"Error: {begins}")
