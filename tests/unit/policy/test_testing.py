"""The embedded engine in a process of its own: a policy that crashes it costs only itself."""

import pytest

from tests.unit.policy.conftest import Write
from tests.unit.policy.rego import ABORTS, CASES, RULE
from webhook.errors import PolicyError
from webhook.policy import testing
from webhook.policy.source import load
from webhook.policy.testing import run

RUNS_AWAY = (
    "count([1 | some i in numbers.range(1, 2000); some j in numbers.range(1, 2000); i == j]) > 0"
)


def outcomes(write: Write, **files: str) -> dict[tuple[str, str], str]:
    """The reason of each outcome of a user's files; nothing for those that pass."""
    named = {f"{name}.rego": text for name, text in files.items()}
    found = run(load([write("rules", named)], tests=True))
    return {(one.module.name, one.name): one.reason for one in found if not one.module.built_in}


def test_the_built_in_cases_pass() -> None:
    found = list(run(load(tests=True)))
    assert len(found) > 50
    assert [one for one in found if not one.passed] == []


def test_cases_of_a_user_are_judged_too(write: Write) -> None:
    assert outcomes(write, vpa=RULE, vpa_test=CASES) == {
        ("vpa_test.rego", "a VPA"): "",
        ("vpa_test.rego", "an HPA"): "",
    }


def test_a_rule_of_a_user_does_not_change_the_tests_of_the_built_in_ones(write: Write) -> None:
    odd = RULE.replace("team.vpa", "autoscalers.vpa_no_effect")
    found = list(run(load([write("rules", {"odd.rego": odd})], tests=True)))
    assert all(one.passed for one in found)


def test_a_test_that_crashes_the_engine_fails_and_the_others_are_judged(write: Write) -> None:
    found = outcomes(
        write,
        a_test=f"package scaleguard.rules.team.a_test\n\n{ABORTS}",
        vpa=RULE,
        vpa_test=CASES,
    )
    assert list(found) == [
        ("a_test.rego", "compile"),
        ("vpa_test.rego", "a VPA"),
        ("vpa_test.rego", "an HPA"),
    ]
    first, *others = found.values()
    assert first == (
        "the embedded engine crashed (SIGABRT), as it often does on `with`:"
        " write cases as data, or use --engine opa"
    )
    assert others == ["", ""]


def test_a_rule_that_crashes_the_engine_is_named(write: Write) -> None:
    bad = f"package scaleguard.rules.team.bad\n\n{ABORTS}"
    with pytest.raises(
        PolicyError, match=r"/bad\.rego: the embedded engine crashed \(SIGABRT\) when it compiles"
    ):
        outcomes(write, bad=bad, good=RULE)


def test_a_broken_rule_is_named(write: Write) -> None:
    with pytest.raises(PolicyError, match=r"/bad\.rego: line 3: this is unclosed"):
        outcomes(write, good=RULE, bad="package scaleguard.rules.team.bad\n\nx := {")


def test_a_rule_that_runs_away_is_ended(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "LONGEST_STEP_SECONDS", 1)
    slow = RULE.replace('input.autoscaler.type == "vpa"', RUNS_AWAY)
    found = outcomes(write, vpa=slow, vpa_test=CASES)
    assert found == {("vpa_test.rego", "a VPA"): "the embedded engine gave no answer within 1 s"}


def test_what_the_engine_prints_when_it_crashes_stays_with_it(
    write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    outcomes(write, a_test=f"package scaleguard.rules.team.a_test\n\n{ABORTS}", vpa=RULE)
    assert capfd.readouterr() == ("", "")


def test_an_end_without_a_signal_is_told_too() -> None:
    assert testing._how(3) == "exit status 3"
    assert testing._how(-11) == "SIGSEGV"
