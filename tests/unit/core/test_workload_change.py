"""What a new version of a workload costs, and what it must not cost."""

from typing import Any

from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import ALLOWED, Judge, validate
from webhook.core.gather import OVERLAPS_PER_DOCUMENT
from webhook.core.profile import Profiles
from webhook.core.review import Request, read_review
from webhook.core.verdict import Settings, Verdict
from webhook.core.workload_change import MOST_AUTOSCALERS
from webhook.core.world import World
from webhook.knowledge import knowledge

KNOWLEDGE = knowledge()
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
WEB = WorkloadKey("default", "apps", "Deployment", "web")


def deployment(*containers: str, image: str = "web", replicas: int = 3) -> dict[str, Any]:
    made = [{"name": name, "image": image} for name in containers or ("app",)]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": made}}},
    }


def hpa(name: str = "web") -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5},
    }


def vpa(name: str = "web") -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"targetRef": TARGET},
    }


def update(new: dict[str, Any], old: dict[str, Any], **asked: Any) -> Request:
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    about = {"uid": "1", "operation": "UPDATE", "kind": kind, "object": new, "oldObject": old}
    request = {**about, **asked}
    return read_review(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    )


class Asked(list[dict[str, Any]]):
    """The documents that rules were asked about; they find nothing."""

    def __call__(self, document: dict[str, Any]) -> list[Verdict]:
        self.append(document)
        return []


class Unread(World):
    """A world in which nobody may look for autoscalers."""

    def scalers_on(self, key: WorkloadKey) -> list[Scaler]:
        raise AssertionError(f"somebody looked for what scales {key}")


def judge(asked: Asked) -> Judge:
    return Judge(KNOWLEDGE, Profiles(), Settings({}), asked)


def test_replicas_alone_are_not_looked_at() -> None:
    request = update(deployment(replicas=9), deployment(replicas=3))
    assert validate(request, Unread(KNOWLEDGE.kinds), judge(Asked())) == ALLOWED
    scaled = update(deployment(replicas=9), deployment(replicas=3), subResource="scale")
    assert validate(scaled, Unread(KNOWLEDGE.kinds), judge(Asked())) == ALLOWED


def test_a_new_image_asks_no_rule() -> None:
    world, asked = World.of([hpa(), vpa(), deployment()], KNOWLEDGE.kinds), Asked()
    request = update(deployment(image="web:2"), deployment())
    assert validate(request, world, judge(asked)) == ALLOWED
    assert asked == []


def test_a_workload_that_nothing_acts_on_asks_no_rule() -> None:
    world, asked = World.of([deployment()], KNOWLEDGE.kinds), Asked()
    request = update(deployment("app", "istio-proxy"), deployment())
    assert validate(request, world, judge(asked)) == ALLOWED
    assert asked == []


def test_on_a_pod_nothing_acts_whoever_names_it() -> None:
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    raw["spec"] = {"containers": [{"name": "app", "image": "web"}]}
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    request = update(raw, {}, operation="CREATE", kind=kind)
    assert validate(request, Unread(KNOWLEDGE.kinds), judge(Asked())) == ALLOWED


def test_many_autoscalers_on_one_workload_cost_a_few_documents() -> None:
    autoscalers = [make(f"a{number:03}") for make in (hpa, vpa) for number in range(60)]
    world, asked = World.of([*autoscalers, deployment()], KNOWLEDGE.kinds), Asked()
    validate(update(deployment("app", "istio-proxy"), deployment()), world, judge(asked))
    # Each in both versions; a VPA alone stays as it was, whatever its containers.
    assert len(asked) == 2 * MOST_AUTOSCALERS
    assert max(len(document["overlaps"]) for document in asked) == OVERLAPS_PER_DOCUMENT


def test_the_world_stays_as_it_is() -> None:
    world = World.of([hpa(), deployment()], KNOWLEDGE.kinds)
    validate(update(deployment("app", "istio-proxy"), deployment()), world, judge(Asked()))
    known = world.containers(WEB)
    assert known is not None
    assert known.regular == ("app",)
