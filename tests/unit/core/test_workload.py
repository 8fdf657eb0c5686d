"""What autoscalers' rules know of a workload's containers."""

from typing import Any

import pytest

from webhook.core.objects import reference
from webhook.core.workload import read_workload
from webhook.knowledge import knowledge

KNOWN = knowledge().kinds
CONTAINERS = [{"name": "app"}, {"name": "proxy"}]
TEMPLATE = {"spec": {"containers": CONTAINERS}}


def workload(api_version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (workload("apps/v1", "Deployment", {"template": TEMPLATE}), ("app", "proxy")),
        (
            workload("grove.io/v1alpha1", "PodClique", {"podSpec": TEMPLATE["spec"]}),
            ("app", "proxy"),
        ),
        (workload("apps/v1", "Deployment", {}), None),
        (
            workload(
                "leaderworkerset.x-k8s.io/v1",
                "LeaderWorkerSet",
                {"leaderWorkerTemplate": {"leaderTemplate": TEMPLATE, "workerTemplate": TEMPLATE}},
            ),
            None,
        ),
    ],
)
def test_the_containers_of_the_one_template(
    raw: dict[str, Any], names: tuple[str, ...] | None
) -> None:
    kind = KNOWN.get(reference(raw).group_kind)
    assert kind is not None
    found = read_workload(raw, kind).containers
    assert (found.regular if found is not None else None) == names


def test_the_containers_of_an_assembled_pod_have_names_that_are_no_facts() -> None:
    deployment = {"image": {"name": "app"}, "resources": {"gpu": "1"}}
    raw = workload(
        "production-stack.vllm.ai/v1alpha1", "VLLMRuntime", {"deploymentConfig": deployment}
    )
    kind = KNOWN.get(reference(raw).group_kind)
    assert kind is not None
    assert read_workload(raw, kind).containers is None
