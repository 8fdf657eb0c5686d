"""Beside Kubernetes' own plugin for the same purpose, which GKE, EKS and AKS run before webhooks.

ExtendedResourceToleration adds a toleration for the exact name of each extended resource. Where it
is off, ours do the same for accelerators; where it is on, nothing is tolerated twice.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cases.case import Case, cases
from tests.cases.check import review_of
from tests.cases.test_cases import judge_for
from tests.controlplane.cluster import ControlPlane
from tests.e2e.dry_run import DryRun
from tests.strategies.readings import containers, family_of, limits, requests
from tests.strategies.resources import Raw
from webhook.core import quantity
from webhook.core.bounds import WHITELIST_ANNOTATION
from webhook.core.decide import Decision, mutate
from webhook.core.objects import POD, reference
from webhook.core.patch import applied
from webhook.core.review import read_review
from webhook.core.toleration import covers
from webhook.core.world import World

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

PLUGIN = "ExtendedResourceToleration"


@dataclass(frozen=True)
class Shown:
    """A pod of a case, and what comes back of it where the plugin is on."""

    case: Case
    raw: Raw
    with_plugin: Raw

    @property
    def plugins(self) -> list[Raw]:
        """The tolerations that the plugin added: of extended resources that the pod names."""
        names = {name for one in containers(self.raw) for name in requests(one)}
        before = tolerations(self.raw)
        return [
            one
            for one in tolerations(self.with_plugin)
            if one.get("key") in names and one not in before
        ]

    def decided(self, raw: Raw) -> Decision:
        """What the webhook makes of the pod, or of what the plugin made of it."""
        judge = judge_for(self.case)
        world = World.of(
            [one for one in self.case.objects if one is not self.raw], judge.knowledge.kinds
        )
        return mutate(read_review(review_of(raw)), world, judge)

    @property
    def is_left_alone(self) -> bool:
        """Whether the case is about a pod that nothing is done to."""
        return self.case.verdict == "leave"


def tolerations(raw: Raw) -> list[Raw]:
    listed: list[Raw] = raw["spec"].get("tolerations") or []
    return listed


def fitted(raw: Raw, decision: Decision) -> Any:
    return applied(raw, decision.fitting.patch if decision.fitting is not None else [])


@pytest.fixture(scope="module")
def shown() -> Iterator[list[Shown]]:
    """All pods of the cases that an API server accepts."""
    arguments = {"kube-apiserver": [f"--enable-admission-plugins={PLUGIN}"]}
    with ControlPlane(arguments=arguments) as plane, DryRun(plane) as api:
        made, tried = [], 0
        for case in cases("accelerators", "classes", "pods"):
            for raw in case.objects:
                if reference(raw).group_kind == POD:
                    tried += 1
                    answer = api.create(raw, "default")
                    if answer.accepted:
                        made.append(Shown(case, raw, answer.body))
        assert len(made) > 0.9 * tried
        yield made


def counted(raw: Raw, name: str) -> list[Any]:
    """The quantities of a resource in a pod."""
    asked = [{**requests(one), **limits(one)} for one in containers(raw)]
    return [each[name] for each in asked if name in each]


def is_zero(raw: Raw, name: str) -> bool:
    return all(quantity.parse(value) == 0 for value in counted(raw, name))


def is_of_accelerator(toleration: Raw) -> bool:
    return family_of(toleration["key"], "resources") is not None


def test_ours_cover_the_plugins_for_every_accelerator(shown: list[Shown]) -> None:
    covered, left = 0, []
    for each in shown:
        decision = each.decided(each.raw)
        ours = tolerations(fitted(each.raw, decision))
        for theirs in filter(is_of_accelerator, each.plugins):
            if any(covers(one, theirs) for one in ours):
                covered += 1
            elif not is_zero(each.raw, theirs["key"]):
                left.append((each, decision))
    assert covered > 250
    # What is left out is left alone altogether, or would be refused by the namespace of the case.
    for each, decision in left:
        notes = decision.fitting.notes if decision.fitting is not None else ()
        assert each.is_left_alone or any(WHITELIST_ANNOTATION in note for note in notes)


def test_nothing_is_tolerated_twice_after_the_plugin(shown: list[Shown]) -> None:
    with_more = 0
    for each in shown:
        before = tolerations(each.with_plugin)
        after = tolerations(fitted(each.with_plugin, each.decided(each.with_plugin)))
        assert after[: len(before)] == before
        with_more += len(after) > len(before)
        for index in range(len(before), len(after)):
            others = after[:index] + after[index + 1 :]
            assert not any(covers(other, after[index]) for other in others), each.case.name
        texts = [json.dumps(one, sort_keys=True) for one in after]
        assert len(texts) == len(set(texts)), each.case.name
    assert with_more > 50, "the plugin knows no family: a slice tolerates its own name alone"


def test_a_quantity_of_zero_is_tolerated_by_the_plugin_alone(shown: list[Shown]) -> None:
    zeros = [
        (each, theirs)
        for each in shown
        for theirs in filter(is_of_accelerator, each.plugins)
        if is_zero(each.raw, theirs["key"])
    ]
    assert zeros
    for each, theirs in zeros:
        assert theirs not in tolerations(fitted(each.raw, each.decided(each.raw)))
        assert each.decided(each.with_plugin).fitting is None
