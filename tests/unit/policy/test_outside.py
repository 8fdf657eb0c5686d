"""What rules of users may not call, however they write it: each spelling that OPA itself takes."""

import pytest

from tests.unit.policy.rego import module
from webhook.errors import PolicyError
from webhook.policy.outside import REFUSED, check
from webhook.policy.source import load

HEAD = "package scaleguard.rules.team.vpa\n\n"

SPELLINGS = [
    'x := http.send({"method": "GET", "url": "http://169.254.169.254/"})',
    'x := http["send"]({"url": "http://127.0.0.1"})',
    'x := http["\\u0073end"]({"url": "http://127.0.0.1"})',
    "x := http[`send`](input)",
    'x := http[ # a comment\n "send" ](input)',
    "x if count(input) with count as http.send",
    'x := "# no comment" if http.send(input)',
    "x := [http.send(input)|true]",
    'x := $"a text {http.send(input)}"',
    'x := $"a text {http["send"](input)}"',
]
"""tests/e2e/test_policies_opa.py shows that OPA takes each for a call."""


@pytest.mark.parametrize("body", SPELLINGS)
def test_a_rule_that_reaches_the_network_is_refused_however_it_is_written(body: str) -> None:
    how = r"http\.send reads the network|http\[…\] may be a function"
    says = rf"rules/rule\.rego: line 3: ({how}): a rule judges by `input` alone"
    with pytest.raises(PolicyError, match=says):
        check([module(HEAD + body)])


@pytest.mark.parametrize("name", REFUSED)
def test_each_is_refused_in_rules_and_in_their_tests(name: str) -> None:
    text = f"{HEAD}#\nx := {name}({{}})\n\n# {name}\n"
    with pytest.raises(PolicyError) as refused:
        check([module(text), module(text, "rule_test.rego")])
    lines = str(refused.value).splitlines()
    assert [line.partition(name)[0] for line in lines] == [
        f"rules/{file}: line {line}: "
        for file in ("rule.rego", "rule_test.rego")
        for line in (4, 6)
    ]


@pytest.mark.parametrize(
    "body",
    [
        "x := input.http.send",
        'x := input.http["send"]',
        'x := net.cidr_contains("10.0.0.0/8", "10.0.0.1")',
        'x := my_http["send"]',
        "x := json.marshal(input)",
        "x := http.sender",
        "x := [json | some json in input.overlaps]",
    ],
)
def test_what_only_looks_like_it_is_not(body: str) -> None:
    check([module(HEAD + body)])


def test_our_own_rules_are_not_looked_at_and_need_none() -> None:
    ours = load(tests=True)
    check(ours)
    assert not [one for one in ours for name in REFUSED if name in one.text]
