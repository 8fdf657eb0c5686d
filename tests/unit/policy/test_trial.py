"""When what was found is what was wanted; the same as `agree` in policies/lib/testing.rego."""

from typing import Any

import pytest

from tests.unit.policy.rego import CASES, RULE, module
from webhook.errors import PolicyError
from webhook.policy.source import load
from webhook.policy.trial import Outcome, Suite, _events, disagreement

A = {"rule": "a", "action": "deny", "message": "one of two", "overlap": 0}
B = {"rule": "a", "action": "warn", "message": "two of two", "overlap": 1}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([], []),
        ([A], [A]),
        ([A], [{}]),
        ([A], [{"action": "deny"}]),
        ([A], [{"overlap": 0, "messageContains": ["one", "two"]}]),
        ([A], [{"messageContains": []}]),
        ([A, B], [{"overlap": 1}, {"overlap": 0}]),
    ],
)
def test_they_agree(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    assert disagreement(found, wanted) == ""


@pytest.mark.parametrize(
    ("found", "wanted", "says"),
    [
        ([A], [], "found 1, wanted 0"),
        ([], [A], "none of those found is"),
        ([A], [{"action": "warn"}], 'none of those found is {"action": "warn"}; found: [{"rule"'),
        ([A], [{"path": "spec"}], "none of those found is"),
        ([A], [{"messageContains": ["one", "three"]}], "none of those found is"),
        ([A, B], [{"action": "deny"}], "found 2, wanted 1"),
        ([A, B], [{"rule": "a"}, {"rule": "a"}], "2 of those found is"),
        ([A, B], [{"action": "deny"}, {"overlap": 0}], "found 2, wanted 2; found: [{"),
    ],
)
def test_they_differ(found: list[dict[str, Any]], wanted: list[dict[str, Any]], says: str) -> None:
    assert says in disagreement(found, wanted)


def tried(cases: str, rule: str = RULE) -> list[str | Outcome]:
    test = module(cases, "rule_test.rego")
    return list(_events(Suite(test, (*load(), module(rule), test))))


def failures(cases: str, rule: str = RULE) -> dict[str, str]:
    events = tried(cases, rule)
    return {one.name: one.reason for one in events if isinstance(one, Outcome) and not one.passed}


def test_each_step_is_told_before_its_outcome() -> None:
    assert [one if isinstance(one, str) else (one.name, one.passed) for one in tried(CASES)] == [
        "compile",
        "cases",
        "a VPA",
        ("a VPA", True),
        "an HPA",
        ("an HPA", True),
    ]


def test_a_rule_alone_is_only_compiled() -> None:
    rule = module(RULE)
    assert list(_events(Suite(rule, (*load(), rule)))) == ["compile"]


def test_a_case_that_fails_says_what_was_found() -> None:
    assert failures(CASES.replace('"warn"', '"deny"')) == {
        "a VPA": (
            'none of those found is {"action": "deny", "messageContains": ["VPA", "\\"b\\""]};'
            ' found: [{"action": "warn", "message": "VPA a \\"b\\"", "remedy": "r",'
            ' "rule": "custom/vpa"}]'
        )
    }


def test_a_finding_that_no_review_could_read_fails() -> None:
    odd = RULE.replace('"remedy": "r"', '"remedy": 1')
    assert failures(CASES, odd)["a VPA"] == (
        "rules/rule.rego: a finding of custom/vpa: remedy is 1, not text"
    )


def test_a_finding_of_another_id_than_that_of_its_rule_fails() -> None:
    odd = RULE.replace('"rule": "custom/vpa"', '"rule": "custom/vap"')
    says = "a finding is of rule 'custom/vap', which no METADATA names; there are: "
    assert failures(CASES, odd)["a VPA"].startswith(says)


@pytest.mark.parametrize(
    "case",
    [
        "{}",
        '{"input": {}}',
        '{"findings": []}',
        '{"input": [], "findings": []}',
        '{"input": {}, "findings": "none"}',
        '{"input": {}, "findings": ["none"]}',
        "1",
        "null",
    ],
)
def test_a_case_has_input_and_findings(case: str) -> None:
    text = f'package scaleguard.rules.team.vpa_test\n\ncases := {{"odd": {case}}}\n'
    assert failures(text) == {"odd": "a case has an `input` and a list of `findings`"}


@pytest.mark.parametrize("cases", ["[]", "1", '"none"'])
def test_cases_have_names(cases: str) -> None:
    text = f"package scaleguard.rules.team.vpa_test\n\ncases := {cases}\n"
    assert failures(text) == {"cases": "`cases` is an object: the name of each case, and the case"}


@pytest.mark.parametrize("parts", ["one", [1], {"one": 1}, None])
def test_parts_of_a_message_are_a_list_of_text(parts: Any) -> None:
    assert disagreement([A], [{"messageContains": parts}]).startswith("none of those found is")


def test_a_test_without_cases_says_how_it_runs() -> None:
    text = "package scaleguard.rules.team.vpa_test\n\ntest_it if 1 == 1\n"
    assert failures(text) == {
        "cases": (
            "data.scaleguard.rules.team.vpa_test.cases is not defined;"
            " tests written with `with` run only by --engine opa"
        )
    }


def test_cases_that_belong_to_no_rule_fail() -> None:
    found = failures(CASES.replace("team.vpa_test", "team.hpa_test"))
    assert set(found) == {"a VPA", "an HPA"}
    assert set(found.values()) == {"data.scaleguard.rules.team.hpa.findings is not defined"}


def test_the_package_of_a_test_is_checked() -> None:
    with pytest.raises(PolicyError, match=r"rule_test\.rego: the package of a test is that of"):
        tried(CASES.replace("team.vpa_test", "team.vpa"), "package a")


def test_a_broken_test_is_named() -> None:
    with pytest.raises(PolicyError, match=r"rules/rule_test\.rego: line 3: "):
        tried("package scaleguard.rules.team.vpa_test\n\ncases := {")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('{"typ": type}', "input.autoscaler has no typ; did you mean type?"),
        ('{"type": type, "metrics": [{"pth": 1}]}', "input.autoscaler.metrics[0] has no pth; did"),
        ('{"type": type, "replicas": 1}', "input.autoscaler has no replicas; did you mean"),
        ('{"type": type}, "pods": {}', "input has no pods; did you mean pod?"),
    ],
)
def test_a_case_that_gives_what_no_document_has_fails(given: str, says: str) -> None:
    found = failures(CASES.replace('{"type": type}', given))
    assert next(iter(found)) == "a VPA"
    assert found["a VPA"].startswith(says)


def test_a_case_may_give_a_part_of_a_document() -> None:
    given = """{"type": type, "mode": "Off"}, "overlaps": [{"id": 0, "limit": {"per": "pod"}}],
    "namespace": {"labels": {"any": "thing"}}"""
    part = CASES.replace('{"type": type}', given).replace('document("scaler")', "{}")
    assert failures(part) == {}
