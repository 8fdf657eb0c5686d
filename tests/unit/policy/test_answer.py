"""An answer that is no set of findings on the document is no "allowed"."""

from typing import Any

import pytest

from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict
from webhook.policy.answer import read_findings

DOCUMENT = {"overlaps": [{"id": 0}, {"id": 1}]}
FINDING = {"rule": "a", "action": "deny", "message": "m"}
RULES = ("a", "b")


def test_nothing_is_found() -> None:
    assert read_findings([], DOCUMENT, RULES) == []


def test_what_is_not_said_is_absent() -> None:
    assert read_findings([FINDING], {}, RULES) == [Verdict("a", Action.DENY, "m", "")]


def test_everything_is_read() -> None:
    more = {"remedy": "r", "overlap": 1, "path": "spec", "resourceName": "cpu", "team": "ours"}
    verdict = Verdict("a", Action.DENY, "m", "r", 1, "spec", "cpu", ("app",))
    assert read_findings([FINDING | more | {"containers": ["app"]}], DOCUMENT, RULES) == [verdict]


@pytest.mark.parametrize("answer", [None, True, 0, "findings", {}, {"a": True}])
def test_what_is_no_set_is_no_judgement(answer: Any) -> None:
    with pytest.raises(CannotJudge, match="instead of a set of findings"):
        read_findings(answer, DOCUMENT, RULES)


@pytest.mark.parametrize(
    "member",
    [
        None,
        "text",
        [],
        {},
        *({key: value for key, value in FINDING.items() if key != left} for left in FINDING),
        FINDING | {"rule": 1},
        FINDING | {"rule": None},
        FINDING | {"action": "refuse"},
        FINDING | {"action": ["deny"]},
        FINDING | {"action": None},
        FINDING | {"message": ["m"]},
        FINDING | {"remedy": None},
        FINDING | {"path": 1},
        FINDING | {"resourceName": {}},
        FINDING | {"containers": "app"},
        FINDING | {"containers": [1]},
        FINDING | {"overlap": 2},
        FINDING | {"overlap": -1},
        FINDING | {"overlap": "0"},
        FINDING | {"overlap": True},
        FINDING | {"overlap": [0]},
    ],
)
def test_what_is_no_finding_is_no_judgement(member: Any) -> None:
    with pytest.raises(CannotJudge, match="a rule's finding lacks or misuses"):
        read_findings([FINDING, member], DOCUMENT, RULES)


def test_a_rule_that_is_not_there_is_no_judgement() -> None:
    says = "a finding is of rule 'A', which no METADATA names; there are: a, b"
    with pytest.raises(CannotJudge) as raised:
        read_findings([FINDING, FINDING | {"rule": "A"}], DOCUMENT, RULES)
    assert str(raised.value) == says


def test_a_long_answer_is_told_in_short() -> None:
    with pytest.raises(CannotJudge) as raised:
        read_findings([{"message": "m" * 10_000}], DOCUMENT, RULES)
    assert len(str(raised.value)) < 300
