from typing import Any

import pytest

from webhook.core.decide import ALLOWED, Decision, Judge, mutate, validate
from webhook.core.profile import Profiles
from webhook.core.review import Request, read_review
from webhook.core.verdict import CannotJudge, Settings, Verdict
from webhook.core.world import World
from webhook.knowledge import knowledge

HPA = {"group": "autoscaling", "version": "v2", "kind": "HorizontalPodAutoscaler"}
RAW = {"apiVersion": "autoscaling/v2", "kind": HPA["kind"], "metadata": {"name": "web"}}


def never(_document: dict[str, Any]) -> list[Verdict]:
    raise CannotJudge("the rules were asked")


JUDGE = Judge(knowledge(), Profiles(), Settings({}), never)


def request(**changes: Any) -> Request:
    asked = {"uid": "1", "operation": "CREATE", "kind": HPA, "object": RAW, **changes}
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    return read_review(body)


def decided(**changes: Any) -> Decision:
    return validate(request(**changes), World(JUDGE.knowledge.kinds), JUDGE)


@pytest.mark.parametrize(
    "changes",
    [{"operation": "DELETE"}, {"operation": "CONNECT"}, {"subResource": "status"}],
)
def test_what_makes_or_changes_no_object_passes_unjudged(changes: dict[str, str]) -> None:
    assert decided(**changes) == ALLOWED


def test_an_object_that_is_made_is_judged() -> None:
    with pytest.raises(CannotJudge, match="the rules were asked"):
        decided()


@pytest.mark.parametrize("spec", [{}, {"containers": []}, {"containers": ["app"]}])
def test_a_pod_without_containers_is_refused_as_the_api_server_would(spec: dict[str, Any]) -> None:
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    decision = mutate(request(kind=kind, object=raw), World(JUDGE.knowledge.kinds), JUDGE)
    assert decision == Decision(
        allowed=False, invalid="spec.containers: a pod needs a list of containers"
    )
