"""All objects given are one world."""

import pytest

from tests.unit.offline.manifests import (
    DEPLOYMENT,
    GENERATED_HPA,
    GPU_POD,
    HPA,
    IGNORED_NAMESPACE,
    SCALED_OBJECT,
    VPA,
    in_namespace,
    judged,
    stream,
)
from webhook import config as configuration
from webhook.core.verdict import CannotJudge, Verdict
from webhook.manifests.entries import Document
from webhook.manifests.reading import read_text
from webhook.offline.judge import review
from webhook.offline.results import Review
from webhook.wiring import build_judge


def found(reviewed: Review) -> list[list[tuple[str, str, list[str]]]]:
    """For each object its findings: rule, action, and the names of what they are related to."""
    return [
        [
            (one.rule, one.action.value, [f"{ref.kind}/{ref.name}" for ref in one.related])
            for one in result.findings
        ]
        for result in reviewed.results
    ]


def conflict(with_: str, *more: str) -> tuple[str, str, list[str]]:
    return ("hpa-vpa-same-metric", "deny", [with_, *more])


SCALER, VERTICAL = "HorizontalPodAutoscaler/web", "VerticalPodAutoscaler/web"


@pytest.mark.parametrize("order", [(HPA, VPA), (VPA, HPA)])
def test_a_conflict_is_reported_on_both_whatever_the_order(order: tuple[str, str]) -> None:
    reviewed = judged(*order)
    by_kind = {
        result.ref.kind: one for result, one in zip(reviewed.results, found(reviewed), strict=True)
    }
    assert by_kind == {
        "HorizontalPodAutoscaler": [conflict(VERTICAL)],
        "VerticalPodAutoscaler": [conflict(SCALER)],
    }


def test_files_and_lists_are_one_world() -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"  {'-' if number == 0 else ' '} {line}\n"
        for number, line in enumerate(VPA.strip().splitlines())
    )
    entries = [*read_text(HPA, "a.yaml"), *read_text(listed, "b.yaml")]
    reviewed = review(entries, build_judge(configuration.Config()))
    assert found(reviewed) == [[conflict(VERTICAL)], [conflict(SCALER)]]


def test_the_workload_may_come_last() -> None:
    reviewed = judged(HPA, VPA, DEPLOYMENT)
    assert [list(one.containers) for one in reviewed.results[0].findings] == [["app"]]


def test_no_namespace_is_the_default_one() -> None:
    assert found(judged(HPA, in_namespace(VPA, "default"))) == [
        [conflict(VERTICAL)],
        [conflict(SCALER)],
    ]
    assert found(judged(HPA, in_namespace(VPA, "other"))) == [[], []]


def test_overlays_are_judged_each_and_never_against_each_other() -> None:
    weekend = VPA.replace("Recreate", "Initial")
    assert found(judged(VPA, weekend)) == [[], []]
    assert found(judged(HPA, HPA)) == [[], []]
    assert found(judged(VPA, HPA, weekend)) == [
        [conflict(SCALER)],
        [conflict(VERTICAL)],
        [conflict(SCALER)],
    ]


def test_an_overlay_of_another_version_is_the_same_object() -> None:
    assert found(judged(VPA, VPA.replace("k8s.io/v1", "k8s.io/v1beta2"))) == [[], []]


def test_two_objects_that_are_still_to_be_named_are_two() -> None:
    unnamed = HPA.replace("{name: web}\nspec", "{generateName: web-}\nspec")
    assert found(judged(unnamed)) == [[]]
    one, other = found(judged(unnamed, unnamed))
    assert one == other == [("duplicate-hpa", "deny", ["HorizontalPodAutoscaler/None"])]


def test_a_scaled_object_is_named_and_its_hpa_only_related() -> None:
    scaled_object, hpa, vpa = found(judged(SCALED_OBJECT, GENERATED_HPA, VPA))
    generated = "HorizontalPodAutoscaler/keda-hpa-web"
    assert scaled_object == [conflict(VERTICAL, generated)]
    assert vpa == [conflict("ScaledObject/web", generated)]
    assert [action for _, action, _ in hpa] == ["warn"]


def test_an_ignored_namespace_is_neither_judged_nor_fitted() -> None:
    gpu_pod = in_namespace(GPU_POD, "left-alone")
    objects = [in_namespace(one, "left-alone") for one in (HPA, VPA)]
    reviewed = judged(*objects, gpu_pod, IGNORED_NAMESPACE, GPU_POD)
    assert found(reviewed) == [[], [], [], [], []]
    assert [bool(result.pods) for result in reviewed.results] == [False] * 4 + [True]
    shown = reviewed.as_json()["results"][2]
    assert (shown["patch"], shown["workload"]) == ([], None)


def test_a_namespace_that_says_anything_else_is_judged() -> None:
    namespace = IGNORED_NAMESPACE.replace('"true"', '"yes"')
    objects = [in_namespace(one, "left-alone") for one in (HPA, VPA)]
    assert [len(one) for one in found(judged(namespace, *objects))] == [0, 1, 1]


def test_a_pod_is_fitted_for_its_maker() -> None:
    owner = "{apiVersion: batch/v1, kind: Job, name: j, uid: u, controller: true}"
    owned = GPU_POD.replace("{name: train}", f"{{name: train, ownerReferences: [{owner}]}}")
    alone, made = judged(GPU_POD, owned.replace("name: train,", "name: other,")).results
    assert alone.pods[0].ai_pod.evidence.why != made.pods[0].ai_pod.evidence.why
    assert "Job" in made.pods[0].ai_pod.evidence.why


def test_what_else_was_read_stays_with_the_review() -> None:
    reviewed = judged("a: 1", HPA, "a: [")
    assert [one.source.document for one in reviewed.skipped] == [1]
    assert [one.source.document for one in reviewed.unreadable] == [3]


def test_progress_is_told_after_each_object() -> None:
    told: list[tuple[int, int]] = []
    entries = [one for one in read_text(f"{HPA}---{VPA}", "a") if isinstance(one, Document)]
    review(entries, build_judge(configuration.Config()), lambda *step: told.append(step))
    assert told == [(1, 2), (2, 2)]


def test_rules_without_an_answer_end_the_review() -> None:
    def mute(_: object) -> list[Verdict]:
        raise CannotJudge("no answer")

    judge = build_judge(configuration.Config())
    silent = type(judge)(judge.knowledge, judge.profiles, judge.settings, mute)
    with pytest.raises(CannotJudge, match="no answer"):
        judged(HPA, judge=silent)


SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: web
          ports: [{containerPort: 8080}]
          readinessProbe: {tcpSocket: {port: 8080}}
          resources: {requests: {cpu: 500m}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {selector: {app: other}, ports: [{port: 80}]}
"""


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("app/service.yaml", ["hpa-not-load-balanced"]),
        ("other/service.yaml", []),
        ("service.yaml", []),
    ],
)
def test_services_of_another_folder_are_those_of_another_application(
    file: str, rules: list[str]
) -> None:
    entries = [*read_text(stream(SERVER, HPA), "app/web.yaml"), *read_text(SERVICE, file)]
    reviewed = review(entries, build_judge(configuration.Config()))
    assert [one.rule for each in reviewed.results for one in each.findings] == rules


def test_a_scan_knows_that_there_is_no_service() -> None:
    entries = list(read_text(stream(SERVER, HPA), "cluster/shop"))
    judge = build_judge(configuration.Config())
    (finding,) = (
        one for each in review(entries, judge, whole=True).results for one in each.findings
    )
    assert "no Service selects them" in finding.message
