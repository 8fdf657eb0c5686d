"""What becomes of verdicts: which findings are one, their order, what an update keeps."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.autoscalers import hpa
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.conclude import KEPT, conclude, in_order, is_kept, ratchet
from webhook.core.finding import Action, Finding, ObjectFix
from webhook.core.gather import Facts
from webhook.core.mode import Mode
from webhook.core.objects import ObjectRef
from webhook.core.overlap_documents import Overlap
from webhook.core.verdict import Rule, Settings, Verdict

WEB = WorkloadKey("shop", "apps", "Deployment", "web")
RULES = {
    name: Rule(name, name, default)
    for name, default in (("first", Action.DENY), ("second", Action.WARN), ("third", Action.DENY))
}
SETTINGS = Settings(RULES)


def ref(name: str | None, generate_name: str | None = None) -> ObjectRef:
    return ObjectRef("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "shop", name, generate_name)


def finding(action: Action = Action.DENY, *containers: str, **more: Any) -> Finding:
    """One on cpu, with the VPA web."""
    said: dict[str, Any] = {"resource_name": "cpu", "related": (ref("web"),), **more}
    return Finding("first", action, "they meet", "part them", containers=containers, **said)


def overlap(name: str | None, *containers: str, **more: Any) -> Overlap:
    said: dict[str, Any] = {"related": (ref(name),), "exempt": {}, **more}
    return Overlap({}, "spec.metrics", "cpu", containers, workload=WEB, **said)


def facts(*overlaps: Overlap, exempt: Any = None) -> Facts:
    return Facts(read_hpa(hpa()), {}, overlaps, exempt or {}, None, {})


def verdict(on: int | None = 0, action: Action = Action.DENY, rule: str = "first") -> Verdict:
    return Verdict(rule, action, "they meet", "part them", on)


def test_a_finding_says_what_its_overlap_knows() -> None:
    fix = ObjectFix(ref("web"), [])
    (found,) = conclude([verdict()], facts(overlap("web", "app", fix=fix)), SETTINGS)
    assert found == Finding(
        "first",
        Action.DENY,
        "they meet",
        "part them",
        "spec.metrics",
        "cpu",
        ("app",),
        (ref("web"),),
        str(WEB),
        fix,
    )


def test_what_a_rule_says_of_place_and_resource_counts_before_those_of_the_overlap() -> None:
    said = replace(verdict(), path="spec", resource_name="memory", containers=("other",))
    (found,) = conclude([said], facts(overlap("web", "app")), SETTINGS)
    assert (found.path, found.resource_name, found.containers) == ("spec", "memory", ("app",))


def test_what_concerns_the_object_alone_stands_as_the_rule_says_it() -> None:
    said = replace(verdict(None), path="spec", resource_name="memory", containers=("app",))
    (found,) = conclude([said], facts(overlap("web")), SETTINGS)
    assert found == Finding(
        "first", Action.DENY, "they meet", "part them", "spec", "memory", ("app",)
    )


@pytest.mark.parametrize(
    ("said", "configured", "becomes"),
    [
        (Action.DENY, None, Action.DENY),
        (Action.WARN, None, Action.WARN),
        (Action.DENY, Action.WARN, Action.WARN),
        (Action.DENY, Action.AUDIT, Action.AUDIT),
        (Action.WARN, Action.AUDIT, Action.AUDIT),
        (Action.AUDIT, Action.WARN, Action.AUDIT),
    ],
)
def test_a_milder_verdict_stays_milder(
    said: Action, configured: Action | None, becomes: Action
) -> None:
    settings = replace(SETTINGS, actions={"first": configured} if configured else {})
    (found,) = conclude([verdict(action=said)], facts(overlap("web")), settings)
    assert found.action is becomes


def test_a_rule_is_as_strong_as_it_is_configured() -> None:
    settings = replace(SETTINGS, actions={"second": Action.DENY})
    (found,) = conclude(
        [verdict(rule="second", action=Action.WARN)], facts(overlap("web")), settings
    )
    assert found.action is Action.DENY
    (found,) = conclude(
        [verdict(rule="second", action=Action.AUDIT)], facts(overlap("web")), settings
    )
    assert found.action is Action.AUDIT


def test_a_rule_that_is_off_says_nothing_and_the_others_go_on() -> None:
    settings = replace(SETTINGS, actions={"first": Action.OFF})
    verdicts = [verdict(), verdict(rule="second", action=Action.WARN)]
    (found,) = conclude(verdicts, facts(overlap("web")), settings)
    assert found.rule == "second"


def test_an_exemption_is_of_the_pair_or_of_the_object_alone() -> None:
    exempt = {"first": ref("exempted")}
    pair = facts(overlap("web", exempt=exempt))
    (found,) = conclude([verdict()], pair, SETTINGS)
    assert (found.action, found.exempted_by) == (Action.AUDIT, ref("exempted"))
    (found,) = conclude([verdict(None)], pair, SETTINGS)
    assert (found.action, found.exempted_by) == (Action.DENY, None)
    alone = facts(overlap("web"), exempt=exempt)
    (found,) = conclude([verdict(None)], alone, SETTINGS)
    assert (found.action, found.exempted_by) == (Action.AUDIT, ref("exempted"))
    (found,) = conclude([verdict()], alone, SETTINGS)
    assert (found.action, found.exempted_by) == (Action.DENY, None)


def test_a_mode_keeps_what_a_finding_would_have_been() -> None:
    for mode, action, would in (
        (Mode.ENFORCE, Action.DENY, None),
        (Mode.WARN, Action.WARN, Action.DENY),
        (Mode.AUDIT, Action.AUDIT, Action.DENY),
    ):
        (found,) = conclude([verdict()], facts(overlap("web")), replace(SETTINGS, mode=mode))
        assert (found.action, found.would) == (action, would)


def test_two_versions_of_a_counterpart_are_one_finding_on_the_containers_of_both() -> None:
    two = facts(overlap("web", "app", "db"), overlap("web", "db", "log"))
    (found,) = conclude([verdict(0), verdict(1)], two, SETTINGS)
    assert found.containers == ("app", "db", "log")
    for some in (
        facts(overlap("web"), overlap("web", "app")),
        facts(overlap("web", "app"), overlap("web")),
    ):
        (found,) = conclude([verdict(0), verdict(1)], some, SETTINGS)
        assert found.containers == ()


def test_of_two_versions_the_stronger_speaks() -> None:
    two = facts(overlap("web", "app"), overlap("web", "db"))
    for first, second, container in (
        (Action.DENY, Action.WARN, "app"),
        (Action.WARN, Action.DENY, "db"),
    ):
        (found,) = conclude([verdict(0, first), verdict(1, second)], two, SETTINGS)
        assert (found.action, found.containers) == (Action.DENY, (container,))


def test_verdicts_are_heard_in_one_order_however_the_engine_lists_them() -> None:
    alone = [replace(verdict(None), message=text) for text in ("a", "b")]
    for listed in (alone, alone[::-1]):
        (found,) = conclude(listed, facts(), SETTINGS)
        assert found.message == "a"
    two = facts(overlap("web", "app"), overlap("web", "db"))
    for order in ((0, 1), (1, 0)):
        (found,) = conclude([verdict(each) for each in order], two, SETTINGS)
        assert found.containers == ("app", "db")


def test_counterparts_that_are_still_to_be_named_are_not_taken_for_one() -> None:
    unnamed = facts(overlap(None, "app"), overlap(None, "db"))
    assert len(conclude([verdict(0), verdict(1)], unnamed, SETTINGS)) == 2
    named = facts(overlap("a", "app"), overlap("b", "db"))
    assert len(conclude([verdict(0), verdict(1)], named, SETTINGS)) == 2


def test_an_object_may_say_the_same_in_several_places() -> None:
    places = [replace(verdict(None), path=f"spec.metrics[{index}]") for index in (0, 1)]
    assert len(conclude(places, facts(), SETTINGS)) == 2


def test_findings_are_listed_by_rule_resource_counterpart_and_place() -> None:
    listed = [
        finding(related=(), resource_name=None),
        finding(related=(), path="a"),
        finding(related=(), path="b"),
        finding(related=(ref("a"),), path="z"),
        finding(related=(ref("b"),)),
        finding(related=(), resource_name="memory"),
        replace(finding(), rule="second", resource_name=None),
        replace(finding(), rule="third", resource_name=None),
    ]
    assert in_order(listed[::-1], SETTINGS) == listed
    assert in_order(listed, SETTINGS) == listed


# ---------------------------------------------------------------- updates


def is_let_pass(new: Finding, *old: Finding) -> bool:
    (found,) = ratchet([new], old)
    if found is new:
        return False
    assert found == replace(new, action=Action.WARN, message=f"they meet; {KEPT}")
    return True


def test_an_update_may_keep_what_was_denied() -> None:
    assert is_let_pass(finding(), finding())
    assert is_let_pass(finding(path="a"), finding(path="b"))
    assert not is_let_pass(finding())


def test_what_is_denied_anew_is_of_another_rule_resource_or_counterpart() -> None:
    assert not is_let_pass(finding(), replace(finding(), rule="third"))
    assert not is_let_pass(finding(), finding(resource_name="memory"))
    assert not is_let_pass(finding(), finding(related=(ref("other"),)))
    assert not is_let_pass(finding(), finding(workload="other"))


def test_what_was_no_denial_is_one_now() -> None:
    assert not is_let_pass(finding(), finding(Action.WARN))
    assert not is_let_pass(finding(), finding(Action.AUDIT, exempted_by=ref("web")))


def test_an_update_may_take_containers_away_and_add_none() -> None:
    deny = Action.DENY
    assert is_let_pass(finding(deny, "app"), finding(deny, "app", "db"))
    assert is_let_pass(finding(deny, "app"), finding(deny, "app"))
    assert not is_let_pass(finding(deny, "app", "db"), finding(deny, "app"))
    assert is_let_pass(finding(deny, "app"), finding(deny))
    assert is_let_pass(finding(deny), finding(deny))
    assert not is_let_pass(finding(deny), finding(deny, "app"))


def test_what_is_no_denial_stays_as_it_is() -> None:
    for action in (Action.WARN, Action.AUDIT):
        new = finding(action)
        assert ratchet([new], [finding()]) == [new]


def test_in_other_modes_the_same_goes_for_what_would_be() -> None:
    for action, would in ((Action.WARN, None), (Action.AUDIT, Action.WARN)):
        denied = finding(action, would=Action.DENY)
        (found,) = ratchet([denied], [denied])
        assert (found.action, found.would) == (action, would)
        assert found.message == f"they meet; {KEPT}"
        assert ratchet([denied], []) == [denied]


def test_what_an_object_says_alone_moves_with_the_members_of_a_list() -> None:
    def at(*indices: int) -> list[Finding]:
        return [finding(related=(), path=f"spec.tolerations[{each}].key") for each in indices]

    def actions(new: list[Finding], old: list[Finding]) -> list[Action]:
        return [one.action for one in ratchet(new, old)]

    deny, warn = Action.DENY, Action.WARN
    assert actions(at(1), at(0)) == [warn]
    assert actions(at(0, 1), at(0)) == [warn, deny]
    assert actions(at(0, 1), at(1)) == [deny, warn]
    assert actions(at(2, 3), at(0)) == [warn, deny]
    assert actions(at(2, 3), at(0, 1)) == [warn, warn]
    assert actions(at(10), [finding(related=(), path="spec.other[0].key")]) == [deny]
    assert actions([finding(related=(), path=None)], [finding(related=(), path=None)]) == [warn]


def test_what_meets_another_object_does_not_move() -> None:
    grown = finding(Action.DENY, "app", "db", path="spec.metrics[1]")
    assert not is_let_pass(grown, finding(Action.DENY, "app", path="spec.metrics[0]"))


def test_another_judgement_said_as_much_already() -> None:
    deny, warn = Action.DENY, Action.WARN
    assert is_kept(finding(), finding())
    assert is_kept(finding(warn), finding())
    assert not is_kept(finding(), finding(warn))
    assert not is_kept(finding(warn, would=deny), finding(warn))
    assert not is_kept(finding(), finding(resource_name="memory"))
    assert is_kept(finding(deny, "app"), finding(deny, "app", "db"))
    assert not is_kept(finding(deny, "app", "db"), finding(deny, "app"))
