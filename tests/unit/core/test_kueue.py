from typing import Any

import pytest

from webhook.core.kueue import is_admitted, queue_of

QUEUED = {"labels": {"kueue.x-k8s.io/queue-name": "gpus"}}
PARENT = "kueue.x-k8s.io/pod-suspending-parent"


def owned(api_version: str, kind: str) -> dict[str, Any]:
    owner = {"apiVersion": api_version, "kind": kind, "name": "above", "controller": True}
    return {"ownerReferences": [owner]}


def made(api_version: str, kind: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "it", **metadata}}


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("batch/v1", "Job"),
        ("jobset.x-k8s.io/v1alpha2", "JobSet"),
        ("kubeflow.org/v1", "PyTorchJob"),
        ("kubeflow.org/v2beta1", "MPIJob"),
        ("ray.io/v1", "RayCluster"),
        ("apps/v1", "StatefulSet"),
        ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
    ],
)
def test_what_kueue_counts_by_its_templates_waits_in_the_queue_of_its_label(
    api_version: str, kind: str
) -> None:
    assert queue_of(made(api_version, kind, **QUEUED)) == "gpus"
    assert queue_of(made(api_version, kind)) == ""


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [("apps/v1", "Deployment"), ("v1", "Pod"), ("kubeflow.org/v1", "Notebook")],
)
def test_what_kueue_counts_by_pods_or_does_not_know_waits_in_none(
    api_version: str, kind: str
) -> None:
    assert queue_of(made(api_version, kind, **QUEUED)) == ""


def test_of_a_cron_job_the_label_of_its_jobs_counts() -> None:
    cron = made("batch/v1", "CronJob", **QUEUED)
    assert queue_of(cron) == ""
    assert queue_of({**cron, "spec": {"jobTemplate": {"metadata": QUEUED}}}) == "gpus"
    assert queue_of(made("batch/v1", "Job", **QUEUED, **owned("batch/v1", "CronJob"))) == "gpus"


def test_a_part_of_what_waits_does_not_wait() -> None:
    inside = owned("jobset.x-k8s.io/v1alpha2", "JobSet")
    assert queue_of(made("batch/v1", "Job", **QUEUED, **inside)) == ""
    assert queue_of(made("batch/v1", "Job", **QUEUED, **owned("example.com/v1", "Run"))) == "gpus"


@pytest.mark.parametrize(
    "mark",
    [
        {"labels": {"kueue.x-k8s.io/prebuilt-workload-name": "a"}},
        {"annotations": {"kueue.x-k8s.io/prebuilt-workload-name": "a"}},
        {"labels": {"kueue.x-k8s.io/multikueue-origin": "multikueue"}},
    ],
)
def test_what_was_counted_before_it_was_made_waits_no_more(mark: dict[str, Any]) -> None:
    metadata = {**mark, "labels": QUEUED["labels"] | mark.get("labels", {})}
    assert queue_of(made("batch/v1", "Job", **metadata)) == ""


def test_templates_of_what_was_started_are_labelled() -> None:
    assert is_admitted({"metadata": {"labels": {"kueue.x-k8s.io/podset": "main"}}})
    assert not is_admitted({"metadata": QUEUED})
    assert not is_admitted({})


@pytest.mark.parametrize(
    ("parent", "counted"),
    [
        ("statefulset", True),
        ("leaderworkerset.x-k8s.io/leaderworkerset", True),
        ("deployment", False),
    ],
)
def test_pods_at_a_gate_are_counted_by_the_template_of_their_parent(
    parent: str,
    counted: bool,  # noqa: FBT001
) -> None:
    template = {"annotations": {PARENT: parent}}
    assert is_admitted({"metadata": template | owned("apps/v1", "StatefulSet")}) is counted
    assert not is_admitted({"metadata": template}), "the template itself has yet to be fitted"
