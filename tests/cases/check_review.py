"""Run a case the way `scaleguard review` would: its file as it lies there, as one world."""

from typing import Any

from tests.cases.case import Case, label
from tests.cases.check import FINDING_KEYS, POD_KEYS, assert_findings, assert_pod
from webhook.core.decide import Decision, Judge
from webhook.core.mode import Mode
from webhook.core.objects import DEFAULT_NAMESPACE, reference
from webhook.core.patch import dotted
from webhook.core.world import World, read_autoscaler
from webhook.manifests import read
from webhook.offline.judge import review
from webhook.offline.results import Result


def check_review(case: Case, judge: Judge) -> None:
    """Review the file of a case, and compare what is said of each object with what it expects."""
    reviewed = review(read([str(case.path)], bytes), judge)
    assert [skipped.source.document for skipped in reviewed.skipped] == [1], "only the header"
    assert not reviewed.unreadable
    read_objects = [label(dict(result.raw)) for result in reviewed.results]
    assert read_objects == [label(raw) for raw in case.objects]
    for result in reviewed.results:
        name = label(dict(result.raw))
        expected = case.expected.get(name, {})
        if read_autoscaler(result.raw) is not None or FINDING_KEYS & set(expected):
            decision = Decision(allowed=True, findings=result.findings)
            assert_findings(case, name, decision, expected)
        for each, wanted in case.expected.items():
            if each.partition("#")[0] == name and POD_KEYS & set(wanted):
                assert_fitted(each, result, wanted, mode_of(case, result, judge))


def mode_of(case: Case, result: Result, judge: Judge) -> Mode:
    """The mode that an object meets: a review shows what pods would get in any."""
    world = World.of(case.objects, judge.knowledge.kinds)
    namespace = reference(result.raw).namespace or DEFAULT_NAMESPACE
    return judge.settings_in(namespace, world).mode


def assert_fitted(name: str, result: Result, expected: dict[str, Any], mode: Mode) -> None:
    """The pod that an object is, or that is made from its template, or from that at a path."""
    path = name.partition("#")[2]
    found = [pod for pod in result.pods if not path or dotted(pod.path) == path]
    if expected.get("workload") is None:
        assert found == [], f"{name}: taken for an AI pod"
        return
    (pod,) = found
    decision = Decision(allowed=True, ai_pod=pod.ai_pod, fitting=pod.fitting, mode=mode)
    assert_pod(name, dict(pod.template.raw), decision, expected)
