"""References that no document has are found in the text of a rule, and nothing else is."""

import time

import pytest

from tests.unit.policy.rego import module
from webhook.policy.references import unknown_references
from webhook.policy.source import Module, load

HEAD = "package scaleguard.rules.team.mine\n\n"


def said(body: str) -> list[str]:
    return unknown_references([module(HEAD + body)])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "findings contains f if {\n\tinput.autoscaler.minReplica < 2\n}",
            "line 4: input.autoscaler has no minReplica; did you mean minReplicas?",
        ),
        (
            "findings contains f if input.autoscalers",
            "line 3: input has no autoscalers; did you mean autoscaler?",
        ),
        (
            'x if input["pod"]["containers"][0].tagg == "latest"',
            "line 3: input.pod.containers[_] has no tagg; did you mean tag?",
        ),
        (
            "x if input.object.name.first",
            "line 3: input.object.name has no first",
        ),
        (
            "x if input.settings.zzz",
            "line 3: input.settings has no zzz; it has strictness, gkeRightsizing, startupBoost",
        ),
        (
            "x if {\n\tsome one in input.overlaps\n\tone.exprression\n}",
            "line 5: input.overlaps[_] has no exprression; did you mean expression?",
        ),
        (
            "x if {\n\tpod := input.pod\n\tsome c in pod.containers\n\tc.tagg\n}",
            "line 6: input.pod.containers[_] has no tagg; did you mean tag?",
        ),
        (
            "x if {\n\tevery quota in input.namespace.quotas {\n\t\tquota.soft\n\t}\n}",
            "line 5: input.namespace.quotas[_] has no soft; it has name, scoped, hard, used",
        ),
        (
            "x if {\n\tsome i, q in input.namespace.quotas\n\tq.hardly\n}",
            "line 5: input.namespace.quotas[_] has no hardly; did you mean hard?",
        ),
        (
            "x if input.namespace.quotas[_].hard[name].more",
            "line 3: input.namespace.quotas[_].hard[_] has no more",
        ),
        (
            'x if object.get(input.autoscaler, "minReplica", 0) < 2',
            "line 3: input.autoscaler has no minReplica; did you mean minReplicas?",
        ),
        (
            'x if {\n\ty := input.pod\n\tobject.get(y,\n\t\t"image", "") == ""\n}',
            "line 5: input.pod has no image; it has",
        ),
        ('x if startswith(input.pod.image, "a")', "line 3: input.pod has no image; it has"),
    ],
)
def test_what_no_document_has_is_told(body: str, says: str) -> None:
    (found,) = said(body)
    assert found.startswith(f"rules/rule.rego: {says}")


@pytest.mark.parametrize(
    "body",
    [
        "x if input.autoscaler.minReplicas < 2",
        "x if input.autoscaler.mode == input.autoscaler.restsAt  # of either type of autoscaler",
        '# input.nothing\nx := "input.nothing"\ny := `\ninput.nothing\n`',
        'x := y["input.nothing"]',
        "x := data.input.nothing",
        "x := my_input.nothing",
        "x if input.namespace.labels.team",
        'x if input.namespace.labels["example.com/team"] == "a"',
        "x if input.namespace.quotas[_].hard[name] > 1",
        'x if input.pod.accelerators["nvidia.com/gpu"] > 1',
        'x if input["pod"][field]',
        'x if object.get(input.autoscaler, "minReplicas", 0) < 2  # object.get(input, "no", 1)',
        'x if object.get(input.namespace.labels, "team", "") == `object.get(input, "no", 1)`',
        'x if input["au\\u0074oscaler"]',
        "x if {\n\tsome key, value in input.pod\n\tvalue.nothing\n}",
        "x if {\n\tpod := input.pod\n\tpod := other\n\tpod.nothing\n}",
        "x if {\n\tpod := count(input.pod)\n\tpod.nothing\n}",
        "pod := 1\n\nx if {\n\tpod := input.pod\n\tpod.nothing\n}",
        "x(pod) if {\n\ty := [1 | some pod in input.overlaps]\n\tpod.nothing\n}",
        "x if {\n\tpod := input.pod\n}\n\ny if {\n\tpod.nothing\n}",
        "f(input) := input.nothing",
        "x if {\n\tinput := 1\n\tinput.nothing\n}",
        "x if input",
    ],
)
def test_what_a_document_may_have_is_not(body: str) -> None:
    assert said(body) == []


def test_the_references_of_our_own_rules_are_known_ones() -> None:
    """Found by the same reading as those of users, so that it takes no good one for bad."""
    ours = [Module(one.path, one.name, one.text, built_in=False) for one in load()]
    assert sum("input." in one.text for one in ours) > 10
    assert unknown_references(ours) == []


def test_built_in_rules_and_tests_are_not_looked_at() -> None:
    text = f"{HEAD}x if input.nothing"
    assert unknown_references([module(text, built_in=True), module(text, "a_test.rego")]) == []


def test_what_no_person_writes_is_not_looked_at() -> None:
    wrong = "x if input.autoscalers"
    assert said(wrong) == said(f"{wrong}\n# {'a' * 490}")
    assert said(f"{wrong}\n# {'a' * 500}") == []
    rest = "\n".join(f"\ta{number} := input.pod" for number in range(5_000))
    begun = time.process_time()
    assert said(f"x if {{\n{rest}\n\ta1.tagg\n}}") != []
    assert said(f"x if {{\n{rest}\n\ta64.tagg\n}}") == []
    assert time.process_time() - begun < 5
