"""An answer that is no set of findings on the document is no "allowed"."""

from typing import Any

import pytest

from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Rule, Verdict
from webhook.policy.answer import read_findings

DOCUMENT = {"overlaps": [{"id": 0}, {"id": 1}]}
FINDING = {"rule": "a", "action": "deny", "message": "m"}
RULES = {
    name: Rule(name, "t", Action.DENY, remedy=f"mend {name}", path=f"rules/{name}.rego")
    for name in ("a", "b")
}


def test_nothing_is_found() -> None:
    assert read_findings([], DOCUMENT, RULES) == []


def test_what_is_not_said_is_absent_and_the_remedy_is_that_of_the_rule() -> None:
    assert read_findings([FINDING], {}, RULES) == [Verdict("a", Action.DENY, "m", "mend a")]
    without = read_findings([FINDING | {"remedy": ""}], {}, RULES)
    assert without == [Verdict("a", Action.DENY, "m", "")]


def test_everything_is_read() -> None:
    more = {"remedy": "r", "overlap": 1, "path": "spec", "resourceName": "cpu", "team": "ours"}
    verdict = Verdict("a", Action.DENY, "m", "r", 1, "spec", "cpu", ("app",))
    assert read_findings([FINDING | more | {"containers": ["app"]}], DOCUMENT, RULES) == [verdict]


@pytest.mark.parametrize("answer", [None, True, 0, "findings", {}, {"a": True}])
def test_what_is_no_set_is_no_judgement(answer: Any) -> None:
    with pytest.raises(CannotJudge, match="instead of a set of findings"):
        read_findings(answer, DOCUMENT, RULES)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"action": None}, "action is missing"),
        ({"action": "block"}, "action is 'block', not deny, warn or audit"),
        ({"action": "off"}, "action is 'off', not deny, warn or audit"),
        ({"action": ["deny"]}, "action is ['deny'], not deny, warn or audit"),
        ({"message": None}, "message is missing"),
        ({"message": ["m"]}, "message is ['m'], not text"),
        ({"remedy": None}, "remedy is missing"),
        ({"remedy": 1}, "remedy is 1, not text"),
        ({"path": 1}, "path is 1, not text"),
        ({"resourceName": {}}, "resourceName is {}, not text"),
        ({"containers": "app"}, "containers is 'app', not a list of names"),
        ({"containers": [1]}, "containers is [1], not a list of names"),
        *(
            ({"overlap": odd}, f"overlap is {odd!r}, not the `id` of an overlap of the document")
            for odd in (2, -1, "0", True, [0])
        ),
    ],
)
def test_what_is_wrong_with_a_finding_is_told_with_its_file(
    change: dict[str, Any], says: str
) -> None:
    with pytest.raises(CannotJudge) as raised:
        read_findings([FINDING, FINDING | change], DOCUMENT, RULES)
    assert str(raised.value) == f"rules/a.rego: a finding of a: {says}"


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (None, "it is None, not an object with rule, action and message"),
        ("text", "it is 'text', not an object with rule, action and message"),
        ([], "it is [], not an object with rule, action and message"),
        ({}, "rule is missing"),
        ({"action": "deny", "message": "m"}, "rule is missing"),
        (FINDING | {"rule": 1}, "rule is 1, not text"),
    ],
)
def test_what_is_of_no_rule_is_no_judgement(member: Any, says: str) -> None:
    for rules, place in ((RULES, ""), ({"a": RULES["a"]}, "rules/a.rego: ")):
        with pytest.raises(CannotJudge) as raised:
            read_findings([FINDING, member], DOCUMENT, rules)
        assert str(raised.value) == f"{place}a finding: {says}"


def test_a_rule_that_is_not_there_is_no_judgement() -> None:
    says = "a finding is of rule 'A', which no METADATA names; there are: a, b"
    with pytest.raises(CannotJudge) as raised:
        read_findings([FINDING, FINDING | {"rule": "A"}], DOCUMENT, RULES)
    assert str(raised.value) == says


def test_a_long_answer_is_told_in_short() -> None:
    with pytest.raises(CannotJudge) as raised:
        read_findings([FINDING | {"action": "m" * 10_000}], DOCUMENT, RULES)
    assert len(str(raised.value)) < 300
