from dataclasses import replace
from typing import Any

import pytest

from webhook.core.decide import ALLOWED, Decision, Judge, mutate, validate
from webhook.core.finding import Action
from webhook.core.profile import Profiles
from webhook.core.review import Request, read_review
from webhook.core.verdict import CannotJudge, Rule, Settings, Verdict
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


def test_nothing_passes_where_a_rule_has_to_be_heard_and_was_not_and_a_denial_stands() -> None:
    denial = Verdict("custom/a", Action.DENY, "m", "r")
    settings = Settings({"custom/a": Rule("custom/a", "t", Action.DENY)})
    world = World(JUDGE.knowledge.kinds)
    for verdicts in ([], [replace(denial, action=Action.WARN)]):
        judge = Judge(
            JUDGE.knowledge,
            Profiles(),
            settings,
            lambda _, found=verdicts: found,  # type: ignore[misc]  # bound now, not when asked
            unheard=lambda: "custom/b: it is switched off",
        )
        with pytest.raises(CannotJudge, match=r"^custom/b: it is switched off$"):
            validate(request(), world, judge)
    judge = replace(judge, ask=lambda _: [denial])
    assert not validate(request(), world, judge).allowed
    assert validate(request(), world, replace(judge, unheard=lambda: None)).findings


@pytest.mark.parametrize("spec", [{}, {"containers": []}, {"containers": ["app"]}])
def test_a_pod_without_containers_is_refused_as_the_api_server_would(spec: dict[str, Any]) -> None:
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    decision = mutate(request(kind=kind, object=raw), World(JUDGE.knowledge.kinds), JUDGE)
    assert decision == Decision(
        allowed=False, invalid="spec.containers: a pod needs a list of containers"
    )


OWNED = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "squatter",
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}
        ],
    },
    "spec": {
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [{"name": "app"}],
    },
}


@pytest.mark.parametrize(
    ("user", "made"),
    [
        ("system:serviceaccount:kube-system:replicaset-controller", True),
        ("system:kube-controller-manager", True),
        ("system:serviceaccount:rollouts:argo-rollouts", True),
        ("system:serviceaccount:shop:default", False),
        ("jane", False),
        ("", False),
    ],
)
def test_what_only_says_that_it_was_made_is_judged(user: str, made: bool) -> None:  # noqa: FBT001
    asked = {
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "shop",
        "object": OWNED,
        "userInfo": {"username": user},
    }
    if made:
        assert decided(**asked) == ALLOWED
    else:
        with pytest.raises(CannotJudge, match="the rules were asked"):
            decided(**asked)
