"""How things stand with what exists."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.unit.core.vpa_plan.workloads import Raw, container, hpa, metric, owner, vpa, workload
from webhook.config import parse
from webhook.core import scanned as module
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Judge
from webhook.core.objects import ObjectRef
from webhook.core.record import OwnerRef, Record, RecordKind
from webhook.core.recorded import MOST_TEXT_CHARACTERS
from webhook.core.scanned import Existing, Written, standing_of, written_in
from webhook.core.standing import Standing, read_standing
from webhook.core.verdict import CannotJudge
from webhook.core.world import World, read_autoscaler
from webhook.wiring import build_judge

LLAMA = WorkloadKey("ml", "apps", "Deployment", "llama")
PLAIN = container("app", "nginx", requests={"cpu": "1", "memory": "1Gi"})
NOTHING_LACKS: Raw = {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"nvidia.com/gpu": 1}}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
IGNORED: Raw = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "ml", "labels": {"scaleguard.io/ignore": "true"}},
}


@cache
def judge_of(config: str = "{}") -> Judge:
    return build_judge(parse(json.loads(config), "a test"))


def standing(
    *objects: Raw, key: WorkloadKey = LLAMA, judge: Judge | None = None, **config: Any
) -> Standing:
    """How things stand in a world of these objects."""
    judge = judge or judge_of(json.dumps(config))
    kinds = judge.knowledge.kinds
    written = {}
    raw = alone = None
    for one in objects:
        found, scaler = written_in(one, kinds), read_autoscaler(one)
        metadata = one["metadata"]
        written[one["kind"], metadata["name"]] = found
        if (one["kind"], metadata["name"]) == (key.kind, key.name):
            raw, alone = (one, None) if scaler is None else (None, scaler)

    def known(ref: ObjectRef) -> Written:
        return written[ref.kind, ref.name]

    existing = Existing(raw, known, alone)
    made = standing_of(key, existing, judge, World.of(objects, kinds))
    assert read_standing(json.loads(json.dumps(made.as_json()))) == made
    return made


def plain(**metadata: Any) -> Raw:
    return workload("Deployment", "apps/v1", PLAIN, **metadata)


def tolerant() -> Raw:
    """An AI workload whose pods lack nothing."""
    raw = workload("Deployment", "apps/v1", container(**NOTHING_LACKS))
    raw["spec"]["template"]["spec"]["tolerations"] = [TOLERATION]
    return raw


def brief(record: Record) -> tuple[str, str, str]:
    return record.rule, record.action, record.object.kind


def test_a_conflict_stands_at_both_objects() -> None:
    made = standing(plain(), hpa(metric("cpu")), vpa("own", "Recreate"))
    assert [brief(one) for one in made.records] == [
        ("hpa-vpa-same-metric", "deny", "HorizontalPodAutoscaler"),
        ("hpa-vpa-same-metric", "deny", "VerticalPodAutoscaler"),
    ]
    first = made.records[0]
    assert (first.kind, first.mode, first.user, first.operation) == (
        *(RecordKind.SCAN, "enforce", ""),
        "",
    )
    assert first.related[0].kind == "VerticalPodAutoscaler"
    assert first.workload == "Deployment ml/llama"
    assert first.fields["spec"]["scaleTargetRef"]["name"] == "llama"
    assert first.remedy
    told = made.who_scales
    assert told is not None
    assert [one["object"]["name"] for one in told["replicas"]["by"]] == ["llama"]
    assert len(told["meet"]) == 1, "once: it stands at both"


def test_an_ai_workload_says_what_its_pods_lack() -> None:
    made = standing(workload())
    (lacks,) = made.records
    assert brief(lacks) == ("", "patch", "Deployment")
    assert (lacks.path, lacks.would) == ("spec.template", "")
    assert lacks.message.startswith("tolerations: nvidia.com/gpu")
    assert lacks.fields["pods"][0]["containers"][0]["name"] == "vllm"


def test_nothing_is_found_on_what_lacks_nothing() -> None:
    made = standing(tolerant())
    assert made.records == ()
    assert made.who_scales is not None, "it is told as an AI workload all the same"


def test_two_templates_are_two_findings() -> None:
    raw: Raw = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "llama", "namespace": "ml"},
        "spec": {
            "leaderWorkerTemplate": {
                name: workload()["spec"]["template"]
                for name in ("leaderTemplate", "workerTemplate")
            }
        },
    }
    key = WorkloadKey("ml", "leaderworkerset.x-k8s.io", "LeaderWorkerSet", "llama")
    records = standing(raw, key=key).records
    assert len({one.fingerprint for one in records}) == len(records) == 2


@pytest.mark.parametrize(
    ("mode", "denial", "patch"),
    [
        ("enforce", ("deny", ""), ("patch", "")),
        ("warn", ("warn", "deny"), ("patch", "")),
        ("audit", ("audit", "deny"), ("patch", "patch")),
    ],
)
def test_findings_are_as_the_mode_makes_them(
    mode: str, denial: tuple[str, str], patch: tuple[str, str]
) -> None:
    objects = workload(), hpa(metric("cpu")), vpa("own", "Recreate")
    found = {(one.action, one.would) for one in standing(*objects, mode=mode).records}
    assert {denial, patch} <= found


def test_nothing_is_told_of_an_ignored_namespace() -> None:
    assert standing(workload(), hpa(metric("cpu")), vpa("own", "Recreate"), IGNORED).is_empty


def test_nothing_is_told_of_what_is_nobodys_concern() -> None:
    assert standing(plain()).is_empty
    assert standing().is_empty


def test_pods_that_take_a_gpu_node_for_nothing_are_found() -> None:
    raw = plain()
    raw["spec"]["template"]["spec"]["tolerations"] = [TOLERATION]
    made = standing(raw)
    assert [brief(one) for one in made.records] == [("gpu-node-squatter", "warn", "Deployment")]
    assert made.who_scales is None


def test_what_was_made_of_another_is_judged_there() -> None:
    made = workload("ReplicaSet", **owner("Deployment", "apps/v1", "llama"))
    key = LLAMA._replace(kind="ReplicaSet")
    assert standing(made, key=key).records == ()
    of_operator = workload(**owner("InferenceService", "serving.kserve.io/v1beta1", "bert"))
    (lacks,) = standing(of_operator).records
    assert lacks.owner == OwnerRef("serving.kserve.io", "InferenceService", "bert")


def test_an_autoscaler_of_what_is_not_there_is_told() -> None:
    made = standing(hpa(metric("cpu")), vpa("own", "Recreate"))
    assert {one.rule for one in made.records} >= {"hpa-vpa-same-metric"}
    assert made.who_scales is not None


def test_an_autoscaler_that_names_nothing_stands_for_itself() -> None:
    raw = vpa("own", "Recreate")
    raw["spec"].pop("targetRef")
    raw["spec"]["resourcePolicy"] = {
        "containerPolicies": [{"containerName": "*", "controlledResources": ["nvidia.com/gpu"]}]
    }
    key = WorkloadKey("ml", "autoscaling.k8s.io", "VerticalPodAutoscaler", "own")
    made = standing(raw, key=key)
    assert "vpa-unsupported-resource" in {one.rule for one in made.records}
    assert {one.object.name for one in made.records} == {"own"}
    assert made.who_scales is None


def test_exemptions_are_told_as_what_they_are() -> None:
    exempt = {"annotations": {"scaleguard.io/exempt": "hpa-vpa-same-metric"}}
    made = standing(plain(**exempt), hpa(metric("cpu")), vpa("own", "Recreate"))
    found = [one for one in made.records if one.rule == "hpa-vpa-same-metric"]
    assert {(one.kind, one.action) for one in found} == {(RecordKind.SCAN, "audit")}
    assert all(one.exempted_by is not None for one in found)


def test_rules_that_were_not_heard_end_no_finding() -> None:
    deaf = replace(judge_of(), unheard=lambda: "custom/mine: it did not answer")
    with pytest.raises(CannotJudge, match="custom/mine"):
        standing(plain(), hpa(metric("cpu")), judge=deaf)


def test_records_are_bounded_and_the_strongest_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RECORDS", 5)
    scalers = [hpa(metric("cpu")) for _ in range(4)]
    for number, one in enumerate(scalers):
        one["metadata"] = {"name": f"llama-{number}", "namespace": "ml"}
    scalers[0]["metadata"]["annotations"] = {"scaleguard.io/exempt": "duplicate-hpa"}
    found = standing(workload(), *scalers).records
    actions = [one.action for one in found]
    assert len(actions) == 5
    assert actions == sorted(actions, key=["deny", "warn", "audit", "patch"].index)
    assert all(len(one.message) <= MOST_TEXT_CHARACTERS for one in found)


def test_the_order_hangs_on_what_is_told_alone() -> None:
    objects = plain(), hpa(metric("cpu")), hpa(metric("memory")), vpa("own", "Recreate")
    objects[2]["metadata"] = {"name": "other", "namespace": "ml"}
    one = standing(*objects)
    other = standing(*reversed(objects))
    assert [brief(each) for each in one.records] == [brief(each) for each in other.records]


def test_of_many_that_meet_each_other_a_few_are_judged() -> None:
    pairs: list[Raw] = []
    for number in range(100):
        scaler = hpa(metric("cpu"))
        scaler["metadata"]["name"] = f"h{number}"
        pairs += [scaler, vpa(f"v{number}", "Recreate")]
    judge = judge_of()
    judged = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(judge, name)

        def findings(self, subject: Any, world: World) -> Any:
            judged.append(subject)
            return judge.findings(subject, world)

    made = standing(plain(), *pairs, judge=Counting())  # type: ignore[arg-type]
    assert len(made.records) == module.MOST_RECORDS
    assert len(judged) == 1, "it meets 99 HPAs and 100 VPAs"
    assert made.who_scales is not None
    assert len(made.who_scales["replicas"]["by"]) == 100, "who acts is told all the same"
    assert len(json.dumps(made.as_json())) < 1_000_000


def test_who_scales_has_no_passwords_of_urls() -> None:
    odd = vpa()
    odd["spec"]["targetRef"]["name"] = "http://user:secret@host"
    key = LLAMA._replace(name="http://user:secret@host")
    told = json.dumps(standing(odd, key=key).who_scales)
    assert "http://host" in told
    assert "secret" not in told
