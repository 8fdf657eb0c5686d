from typing import Any

import jsonpatch
import pytest

from webhook.core.decide import ALLOWED, Decision, Judge, mutate
from webhook.core.profile import Profiles
from webhook.core.review import read_review
from webhook.core.verdict import Settings
from webhook.core.world import World
from webhook.knowledge import knowledge

GPU = "nvidia.com/gpu"
QUEUE = {"kueue.x-k8s.io/queue-name": "gpus"}
KNOWLEDGE = knowledge()


def judge(*, mutate_templates: bool = True) -> Judge:
    return Judge(KNOWLEDGE, Profiles(), Settings({}), lambda _: [], mutate_templates)


def template(gpus: int = 1) -> dict[str, Any]:
    resources = {"limits": {GPU: gpus}} if gpus else {}
    return {"spec": {"containers": [{"name": "main", "image": "a", "resources": resources}]}}


def job_set(*gpus: int, labels: dict[str, str] | None = QUEUE) -> dict[str, Any]:
    jobs = [
        {"name": f"j{each}", "template": {"spec": {"template": template(each)}}} for each in gpus
    ]
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "run", "namespace": "ml", "labels": labels},
        "spec": {"replicatedJobs": jobs},
    }


def mutated(
    raw: dict[str, Any], asking: Judge, *objects: Any, operation: str = "CREATE"
) -> Decision:
    group, _, version = raw["apiVersion"].rpartition("/")
    asked = {
        "uid": "1",
        "operation": operation,
        "kind": {"group": group, "version": version, "kind": raw["kind"]},
        "namespace": "ml",
        "object": raw,
        "oldObject": raw if operation == "UPDATE" else None,
    }
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    return mutate(read_review(body), World.of(objects, KNOWLEDGE.kinds), asking)


def test_every_template_for_an_ai_pod_is_fitted_where_it_stands() -> None:
    raw = job_set(1, 2)
    found = mutated(raw, judge())
    assert found.ai_pod is not None
    assert found.fitting is not None
    fitted = jsonpatch.apply_patch(raw, found.fitting.patch)
    for each, job in enumerate(fitted["spec"]["replicatedJobs"], 1):
        pod = job["template"]["spec"]["template"]
        assert pod["metadata"]["labels"] == {"scaleguard.io/workload-class": "training"}
        assert [one["key"] for one in pod["spec"]["tolerations"]] == [GPU]
        requests = pod["spec"]["containers"][0]["resources"]["requests"]
        assert requests == {"cpu": str(3 * each), "memory": f"{12 * each}Gi"}
    # What is the same of all is said once.
    assert len([said for said in found.fitting.brief if "tolerations" in said]) == 1


def test_a_second_run_changes_nothing() -> None:
    first = mutated(job_set(1), judge())
    assert first.fitting is not None
    again = mutated(jsonpatch.apply_patch(job_set(1), first.fitting.patch), judge())
    assert again.fitting is not None
    assert again.fitting.patch == []


IGNORED = {
    "kind": "Namespace",
    "metadata": {"name": "ml", "labels": {"scaleguard.io/ignore": "true"}},
}


@pytest.mark.parametrize(
    ("raw", "asking", "objects", "operation"),
    [
        (job_set(1), judge(mutate_templates=False), (), "CREATE"),
        (job_set(1, labels=None), judge(), (), "CREATE"),
        (job_set(1), judge(), (), "UPDATE"),
        (job_set(1), judge(), ({"apiVersion": "v1", **IGNORED},), "CREATE"),
        (job_set(), judge(), (), "CREATE"),
        (job_set(1) | {"apiVersion": "example.com/v1", "kind": "Thing"}, judge(), (), "CREATE"),
    ],
    ids=["not wanted", "in no queue", "update", "ignored namespace", "no template", "unknown kind"],
)
def test_other_objects_stay_as_they_are(
    raw: dict[str, Any], asking: Judge, objects: tuple[Any, ...], operation: str
) -> None:
    assert mutated(raw, asking, *objects, operation=operation) == ALLOWED


def test_pods_that_are_assembled_elsewhere_are_left_alone() -> None:
    train_job = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "run", "namespace": "ml", "labels": QUEUE},
        "spec": {"trainer": {"image": "a", "resourcesPerNode": {"limits": {GPU: 1}}}},
    }
    assert judge().pods(train_job, World(KNOWLEDGE.kinds)), "it makes an AI pod"
    assert mutated(train_job, judge()) == ALLOWED
