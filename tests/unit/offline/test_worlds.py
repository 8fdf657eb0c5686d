"""Who meets whom: plain files, what is rendered, and what runs in a cluster."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import yaml

from tests.unit.offline.manifests import DEPLOYMENT, GPU_POD, HPA, VPA, in_namespace, stream
from webhook import config as configuration
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.world import World
from webhook.manifests import Document, Entry
from webhook.manifests.reading import read_text
from webhook.offline.judge import review
from webhook.offline.results import Review
from webhook.wiring import build_judge

OTHER_HPA = HPA.replace("metadata: {name: web}", "metadata: {name: other}")
MEMORY_VPA = f"""{VPA}  resourcePolicy:
    containerPolicies: [{{containerName: "*", controlledResources: [memory]}}]
"""
QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: gpus}
spec: {hard: {requests.nvidia.com/gpu: 2}}
status: {hard: {requests.nvidia.com/gpu: 2}, used: {requests.nvidia.com/gpu: 2}}
"""


def read(*documents: str, rendered: str | None = None) -> Iterable[Entry]:
    for entry in read_text(stream(*documents), "all.yaml"):
        yield replace(entry, source=replace(entry.source, rendered=rendered))


def judged(*entries: Iterable[Entry], running: tuple[str, ...] = ()) -> Review:
    objects: list[dict[str, Any]] = [yaml.safe_load(one) for one in running]
    flat = [entry for some in entries for entry in some]
    return review(flat, build_judge(configuration.Config()), running=objects)


def told(found: Review) -> list[tuple[str, str, list[str]]]:
    return [
        (result.ref.kind, finding.rule, [str(one) for one in finding.related])
        for result in found.results
        for finding in result.findings
    ]


def denied(found: Review) -> list[str]:
    return [
        f"{one.source.rendered}:{one.ref.kind}" for one in found.results if one.action == "deny"
    ]


def test_what_is_rendered_meets_the_plain_files() -> None:
    assert denied(judged(read(HPA), read(VPA, rendered="chart"))) == [
        "None:HorizontalPodAutoscaler",
        "chart:VerticalPodAutoscaler",
    ]


def test_two_overlays_never_meet() -> None:
    found = judged(read(HPA, rendered="dev"), read(VPA, rendered="prod"), read(DEPLOYMENT))
    assert denied(found) == []
    assert denied(judged(read(HPA, rendered="dev"), read(VPA, rendered="dev"))) == [
        "dev:HorizontalPodAutoscaler",
        "dev:VerticalPodAutoscaler",
    ]


def test_an_object_without_a_name_is_not_its_own_counterpart() -> None:
    generated = HPA.replace("{name: web}\n", "{generateName: web-}\n", 1)
    assert denied(judged(read(generated, rendered="dev"), read(generated))) == [
        "dev:HorizontalPodAutoscaler",
        "None:HorizontalPodAutoscaler",
    ]
    assert denied(judged(read(generated, rendered="dev"))) == []


def test_files_are_judged_against_what_runs_and_that_is_not_reported() -> None:
    found = judged(read(HPA), running=(DEPLOYMENT, VPA, OTHER_HPA))
    assert len(found.results) == 1
    rules = {rule: related for _, rule, related in told(found)}
    assert rules == {
        "duplicate-hpa": ["HorizontalPodAutoscaler default/other"],
        "hpa-vpa-same-metric": ["VerticalPodAutoscaler default/web"],
    }


def test_a_file_replaces_what_runs_under_its_name() -> None:
    assert denied(judged(read(HPA, MEMORY_VPA), running=(VPA,))) == []
    assert denied(judged(read(HPA, VPA), running=(MEMORY_VPA,))) != []
    assert denied(judged(read(HPA), read(MEMORY_VPA, rendered="x"), running=(VPA,))) == []
    assert denied(judged(read(HPA), running=(in_namespace(VPA, "elsewhere"),))) == []


def test_the_label_of_a_namespace_that_runs_counts() -> None:
    ignored = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: %s}}"
    running = (VPA, ignored % '{scaleguard.io/ignore: "true"}')
    assert denied(judged(read(HPA), running=running)) == []


def test_what_runs_already_is_counted_as_used_already() -> None:
    job = GPU_POD.replace("name: train", "name: other")
    assert "pod-over-quota" in [
        rule for _, rule, _ in told(judged(read(GPU_POD), running=(QUOTA,)))
    ]
    again = judged(read(GPU_POD), running=(QUOTA, GPU_POD))
    assert "pod-over-quota" not in [rule for _, rule, _ in told(again)]
    other = judged(read(job), running=(QUOTA, GPU_POD))
    assert "pod-over-quota" in [rule for _, rule, _ in told(other)]


def test_a_world_that_is_copied_goes_on_by_itself() -> None:
    documents = (DEPLOYMENT, HPA, VPA, QUOTA, GPU_POD)
    first = judged(read(*documents), read(VPA.replace("name: web", "name: two"), rendered="x"))
    plain = [one for one in first.results if one.source.rendered is None]
    assert all(isinstance(one.document, Document) for one in plain)
    assert {rule for _, rule, _ in told(first)} >= {"hpa-vpa-same-metric", "pod-over-quota"}


SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {selector: {app: other}}
"""


def test_services_of_plain_files_are_those_of_each_root() -> None:
    """A copy of a world goes on by itself, with all that it began with."""
    kinds = build_judge(configuration.Config()).knowledge.kinds
    base = World(kinds)
    for text in (SERVICE, DEPLOYMENT):
        base.put(yaml.safe_load(text), "shop")
    name = yaml.safe_load(DEPLOYMENT)["metadata"]["name"]
    key = WorkloadKey("default", "apps", "Deployment", name)
    other = base.copy()
    other.put(yaml.safe_load(SERVICE.replace("other", "more")), "shop")
    assert [one.ref.name for one in base.services("default")] == ["other"]
    assert [one.ref.name for one in other.services("default")] == ["other", "more"]
    assert other.has_all_services(key)
    assert base.has_all_services(key)


SCALED_OBJECT = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, uid: 5a}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: cpu, metricType: Utilization, metadata: {value: "70"}}]
"""
GENERATED_HPA = HPA.replace(
    "metadata: {name: web}",
    "metadata: {name: keda-hpa-web, ownerReferences: [{apiVersion: keda.sh/v1alpha1,"
    " kind: ScaledObject, name: web, uid: 5a, controller: true}]}",
)


def test_what_is_made_anew_of_a_file_does_not_run_on() -> None:
    """KEDA renames its HPA, and points it elsewhere, with its ScaledObject."""
    written = SCALED_OBJECT.replace(", uid: 5a", "")
    renamed = f"{written}  advanced: {{horizontalPodAutoscalerConfig: {{name: orders}}}}\n"
    moved = written.replace("scaleTargetRef: {name: web}", "scaleTargetRef: {name: api}")
    running = (SCALED_OBJECT, GENERATED_HPA)
    assert told(judged(read(renamed), running=running)) == []
    assert told(judged(read(moved, VPA), running=running)) == []
    # As long as it stays what it was it is there, and so is one that nobody will rename.
    (_, rule, related), _ = told(judged(read(written, VPA), running=running))
    assert (rule, related[1]) == (
        "hpa-vpa-same-metric",
        "HorizontalPodAutoscaler default/keda-hpa-web",
    )
    assert denied(judged(read(renamed), running=(SCALED_OBJECT, OTHER_HPA))) != []
    assert denied(judged(read(renamed), running=(GENERATED_HPA,))) != []
