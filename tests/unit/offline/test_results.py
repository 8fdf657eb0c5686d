"""The JSON of a review: its keys are what users' scripts rely on."""

import json
from typing import Any

from tests.unit.offline.manifests import DEPLOYMENT, GPU_POD, HPA, VPA, judged

RESULT_KEYS = {"source", "resource", "action", "findings", "patch", "workload"}
FINDING_KEYS = {
    *("rule", "action", "resourceName", "containers", "path", "message", "remedy", "related"),
}

LIST = """
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Service, metadata: {name: a}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: b}}
  - {apiVersion: v1}
"""

# A head without accelerators, and workers with them.
RAY_CLUSTER = """
apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: ray}
spec:
  headGroupSpec:
    template: {spec: {containers: [{name: head, image: rayproject/ray}]}}
  workerGroupSpecs:
    - groupName: gpu
      template:
        spec:
          containers:
            - {name: worker, image: rayproject/ray, resources: {limits: {nvidia.com/gpu: 1}}}
"""


def document(*documents: str, file: str = "all.yaml") -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(json.dumps(judged(*documents, file=file).as_json()))
    return shown


def test_nothing_at_all_is_a_whole_document() -> None:
    assert document("") == {
        "version": 1,
        "summary": {"objects": 0, "denied": 0, "warned": 0, "mutated": 0, "skipped": 0},
        "results": [],
        "plannedVPAs": [],
        "skipped": [],
    }


def test_the_keys_of_every_part() -> None:
    shown = document(DEPLOYMENT, HPA, VPA, GPU_POD, "a: 1", "a: [")
    assert set(shown) == {"version", "summary", "results", "plannedVPAs", "skipped"}
    assert shown["version"] == 1
    for result in shown["results"]:
        assert set(result) == RESULT_KEYS
        assert set(result["resource"]) == {"apiVersion", "kind", "namespace", "name"}
        assert set(result["source"]) == {"file", "document"}
        assert isinstance(result["findings"], list)
        assert isinstance(result["patch"], list)
        for finding in result["findings"]:
            assert set(finding) == FINDING_KEYS | {"fix"}
            assert set(finding["fix"]) == {"object", "patch"}


def test_the_summary_counts_objects() -> None:
    idle = HPA.replace("name: web}\nspec", "name: idle}\nspec").replace("web}\n  min", "b}\n  min")
    idle = idle.replace("maxReplicas: 10", "maxReplicas: 2")
    shown = document(DEPLOYMENT, HPA, VPA, idle, GPU_POD, "a: 1", "a: [")
    assert shown["summary"] == {
        "objects": 5,
        "denied": 2,
        "warned": 1,
        "mutated": 1,
        "skipped": 2,
    }
    assert [one["action"] for one in shown["results"]] == ["allow", "deny", "deny", "warn", "allow"]


def test_what_no_autoscaler_says_is_null_or_empty() -> None:
    (result,) = document(DEPLOYMENT)["results"]
    assert result == {
        "source": {"file": "all.yaml", "document": 1},
        "resource": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "default",
            "name": "web",
        },
        "action": "allow",
        "findings": [],
        "patch": [],
        "workload": None,
    }


def test_a_finding_without_resource_and_containers() -> None:
    second = HPA.replace("name: web}\nspec", "name: second}\nspec")
    (finding,) = document(HPA, second)["results"][0]["findings"]
    assert set(finding) == FINDING_KEYS  # no `fix`: there is no one right remedy
    assert finding["rule"] == "duplicate-hpa"
    assert finding["resourceName"] is None
    assert finding["containers"] == []
    assert finding["path"] == "spec.scaleTargetRef"
    assert [one["name"] for one in finding["related"]] == ["second"]


def test_a_finding_on_the_object_alone_has_nothing_related() -> None:
    (finding,) = document(HPA.replace("maxReplicas: 10", "maxReplicas: 2"))["results"][0][
        "findings"
    ]
    assert finding["rule"] == "hpa-no-effect"
    assert finding["related"] == []


def test_a_fix_names_its_object_and_the_operations() -> None:
    _, hpa, vpa = document(DEPLOYMENT, HPA, VPA)["results"]
    fix = hpa["findings"][0]["fix"]
    assert fix["object"] == vpa["resource"]
    assert [operation["op"] for operation in fix["patch"]] == ["add"]
    assert vpa["findings"][0]["fix"] == fix


def test_an_object_that_is_still_to_be_named() -> None:
    (result,) = document(HPA.replace("{name: web}\nspec", "{generateName: web-}\nspec"))["results"]
    assert result["resource"]["name"] is None
    assert result["resource"]["generateName"] == "web-"


def test_an_object_of_the_whole_cluster_has_no_namespace() -> None:
    (result,) = document("apiVersion: v1\nkind: Node\nmetadata: {name: a}")["results"]
    assert result["resource"]["namespace"] is None


def test_members_of_a_list_share_the_document_and_count_from_one() -> None:
    shown = document(DEPLOYMENT, LIST)
    assert [one["source"] for one in shown["results"]] == [
        {"file": "all.yaml", "document": 1},
        {"file": "all.yaml", "document": 2, "item": 1},
        {"file": "all.yaml", "document": 2, "item": 2},
    ]
    (skipped,) = shown["skipped"]
    assert skipped["source"] == {"file": "all.yaml", "document": 2, "item": 3}
    assert skipped["reason"] == "not a Kubernetes object: it has no kind"


def test_what_could_not_be_read_is_listed_with_what_was_skipped() -> None:
    skipped, unreadable = document("replicas: 2", "a: [")["skipped"]
    assert set(skipped) == {"source", "reason"}
    assert set(unreadable) == {"source", "reason", "unreadable"}
    assert unreadable["unreadable"] is True
    assert "line" in unreadable["reason"]


def test_a_pod_carries_what_it_is_and_its_patch() -> None:
    (result,) = document(GPU_POD)["results"]
    assert set(result["workload"]) == {"class", "why", "accelerators"}
    assert result["workload"]["accelerators"] == {"nvidia.com/gpu": 2}
    assert "/spec/tolerations" in [operation["path"] for operation in result["patch"]]


def test_the_patch_of_a_workload_is_that_of_its_pod() -> None:
    gpu = "{limits: {nvidia.com/gpu: 1}, requests:"
    (result,) = judged(DEPLOYMENT.replace("{requests:", gpu)).results
    of_pod = [operation["path"] for operation in result.as_json()["patch"]]
    assert "/spec/tolerations" in of_pod
    of_object = [operation["path"] for operation in result.object_patch]
    assert of_object == [f"/spec/template{path}" for path in of_pod]


def test_of_several_templates_the_one_with_accelerators_speaks() -> None:
    (result,) = document(RAY_CLUSTER)["results"]
    assert set(result) == RESULT_KEYS | {"templates"}
    head, worker = result["templates"]
    assert head["path"] == "spec.headGroupSpec.template"
    assert worker["path"] == "spec.workerGroupSpecs[0].template"
    for template in result["templates"]:
        assert set(template) == {"path", "workload", "patch"}
    assert head["workload"]["accelerators"] == {}
    assert result["workload"] == worker["workload"]
    assert result["patch"] == worker["patch"]
    assert result["workload"]["accelerators"] == {"nvidia.com/gpu": 1}


def test_of_several_templates_without_accelerators_the_first_speaks() -> None:
    plain = RAY_CLUSTER.replace(", resources: {limits: {nvidia.com/gpu: 1}}", "")
    (result,) = document(plain)["results"]
    assert result["workload"] == result["templates"][0]["workload"]


ASSEMBLED = """
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMService
metadata: {name: llama}
spec:
  image: {repository: nvcr.io/nim/meta/llama-3.1-8b-instruct, tag: 1.8.3}
"""

BESIDE_ITS_LABELS = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: llama}
spec:
  predictor:
    containers: [{name: kserve-container, image: web, resources: {limits: {nvidia.com/gpu: 1}}}]
  transformer:
    containers: [{name: kserve-container, image: web}]
"""


def test_the_patch_of_an_assembled_pod_is_shown_and_changes_no_object() -> None:
    (result,) = judged(ASSEMBLED).results
    shown = result.as_json()
    assert set(shown) == RESULT_KEYS | {"assembled"}
    assert shown["assembled"] is True
    assert shown["workload"]["accelerators"] == {"nvidia.com/gpu": 1}
    assert "/spec/tolerations" in [operation["path"] for operation in shown["patch"]]
    assert result.object_patch == []


def test_several_assembled_pods_say_so_each() -> None:
    pipeline = ASSEMBLED.replace("NIMService", "NIMPipeline").replace(
        "image: {repository: nvcr.io/nim/meta/llama-3.1-8b-instruct, tag: 1.8.3}",
        "services: [{name: a, spec: {}}, {name: b, spec: {}}]",
    )
    (result,) = judged(pipeline).results
    shown = result.as_json()
    assert [one["path"] for one in shown["templates"]] == [
        "spec.services[0].spec",
        "spec.services[1].spec",
    ]
    assert all(one["assembled"] is True for one in shown["templates"])


def test_a_spec_without_a_template_is_patched_where_its_object_has_places() -> None:
    (result,) = judged(BESIDE_ITS_LABELS).results
    assert {operation["path"] for operation in result.object_patch} >= {
        "/spec/predictor/tolerations",
        "/spec/predictor/labels",
        "/spec/transformer/labels",
    }
    assert "assembled" not in result.as_json()


def test_what_had_to_be_left_out_is_noted() -> None:
    odd = GPU_POD.replace("{nvidia.com/gpu: 2}", "{nvidia.com/gpu: many}")
    (result,) = document(odd)["results"]
    assert set(result) == RESULT_KEYS | {"notes"}
    assert all(isinstance(note, str) for note in result["notes"])
