"""Settings of namespaces, modes, exemptions: what cases do not show."""

from typing import Any

import pytest

from tests.unit.core.test_decide import JUDGE, RAW, request
from webhook.core.decide import ALLOWED, Decision, mutate, validate
from webhook.core.exemptions import unknown_exemptions
from webhook.core.finding import Action, Finding
from webhook.core.fit import Fitting
from webhook.core.mode import Mode
from webhook.core.selector import Selector, read_selector
from webhook.core.verdict import NamespaceSettings, Settings
from webhook.core.world import World

TEAM_A = read_selector({"matchLabels": {"team": "a"}})
POD = {"group": "", "version": "v1", "kind": "Pod"}


def test_the_first_that_matches_is_laid_over_what_holds_for_everybody() -> None:
    settings = Settings(
        {},
        {"one": Action.DENY, "two": Action.DENY},
        mode=Mode.WARN,
        namespaces=(
            NamespaceSettings(TEAM_A, {"one": Action.OFF}),
            NamespaceSettings(Selector(), {"two": Action.OFF}, Mode.AUDIT),
        ),
    )
    first, other = settings.among({"team": "a"}), settings.among({})
    assert (first.actions, first.mode) == ({"one": Action.OFF, "two": Action.DENY}, Mode.WARN)
    assert (other.actions, other.mode) == ({"one": Action.DENY, "two": Action.OFF}, Mode.AUDIT)
    assert first.namespaces == ()
    alone = Settings({}, namespaces=settings.namespaces[:1])
    assert alone.among({"team": "b"}) is alone


def test_what_is_in_no_namespace_is_judged_by_what_holds_for_everybody() -> None:
    everywhere = Settings({}, namespaces=(NamespaceSettings(Selector(), mode=Mode.AUDIT),))
    judge = type(JUDGE)(JUDGE.knowledge, JUDGE.profiles, everywhere, JUDGE.ask)
    world = World(JUDGE.knowledge.kinds)
    assert judge.settings_in(None, world).mode is Mode.ENFORCE
    assert judge.settings_in("shop", world).mode is Mode.AUDIT


@pytest.mark.parametrize(
    ("mode", "strongest", "acts"),
    [
        (Mode.ENFORCE, Action.DENY, True),
        (Mode.WARN, Action.WARN, True),
        (Mode.AUDIT, Action.AUDIT, False),
    ],
)
def test_what_modes_let_come_of_a_judgement(mode: Mode, strongest: Action, *, acts: bool) -> None:
    assert (mode.strongest, mode.acts) == (strongest, acts)


def test_mode_audit_refuses_not_even_what_is_no_pod() -> None:
    judge = type(JUDGE)(JUDGE.knowledge, JUDGE.profiles, Settings({}, mode=Mode.AUDIT), JUDGE.ask)
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {}}
    asked = request(kind=POD, object=raw)
    assert mutate(asked, World(JUDGE.knowledge.kinds), judge) == ALLOWED


def finding(action: Action, would: Action | None = None) -> Finding:
    return Finding("a-rule", action, "wrong", "", would=would)


PATCHING = Fitting([{"op": "add", "path": "/x", "value": 1}], ("x",), ())


@pytest.mark.parametrize(
    ("decision", "would"),
    [
        (Decision(allowed=True), None),
        (Decision(allowed=False, findings=(finding(Action.DENY),)), None),
        (Decision(allowed=True, fitting=PATCHING), None),
        (Decision(allowed=True, fitting=PATCHING, mode=Mode.AUDIT), "patch"),
        (Decision(allowed=True, fitting=Fitting([], (), ()), mode=Mode.AUDIT), None),
        (
            Decision(
                allowed=True,
                findings=(
                    finding(Action.AUDIT, Action.WARN),
                    finding(Action.AUDIT, Action.DENY),
                    finding(Action.AUDIT),
                ),
                mode=Mode.AUDIT,
            ),
            "deny",
        ),
    ],
)
def test_the_most_that_would_have_been_done(decision: Decision, would: str | None) -> None:
    assert decision.would == would


def exempt(value: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", "annotations": {"scaleguard.io/exempt": value}}}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("duplicate-hpa", []),
        ("", []),
        (5, []),
        ("duplicate-hpas, moon", ["duplicate-hpas: no such rule, did you mean duplicate-hpa?"]),
        ("Duplicate-HPA", ["Duplicate-HPA: no such rule, did you mean duplicate-hpa?"]),
        ("x" * 100, [f"{'x' * 62}…: no such rule"]),
    ],
)
def test_an_exemption_from_no_rule_is_told(value: Any, said: list[str]) -> None:
    told = unknown_exemptions(exempt(value), ["duplicate-hpa", "duplicate-vpa"])
    assert list(told)[:1] == [f"scaleguard.io/exempt: {line}" for line in said]


def test_few_of_many_are_told() -> None:
    many = unknown_exemptions(exempt(",".join(f"moon-{n}" for n in range(20_000))), [])
    assert len(many) == 6
    assert many[-1] == "scaleguard.io/exempt: 19995 more are no rules"


def test_who_writes_an_exemption_from_no_rule_is_warned() -> None:
    judge = type(JUDGE)(JUDGE.knowledge, JUDGE.profiles, JUDGE.settings, lambda _document: [])
    asked = request(object={**RAW, **exempt("moon")})
    decision = validate(asked, World(JUDGE.knowledge.kinds), judge)
    assert decision.notes == ("scaleguard.io/exempt: moon: no such rule",)
