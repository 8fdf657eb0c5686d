"""The embedded engine: broken files, text that it escapes, and answers that are none."""

import pytest

from tests.unit.policy.rego import answering, document, embedded, module
from webhook.core.verdict import CannotJudge
from webhook.errors import PolicyError
from webhook.policy.answer import ENTRYPOINT
from webhook.policy.embedded import Engine


@pytest.mark.parametrize(
    "answer",
    [
        "findings := true",
        "findings := 1",
        'findings := "none"',
        "findings := {}",
        "findings := null",
        'findings contains "text"',
        'findings contains {"rule": "a", "action": "refuse", "message": "m"}',
        'findings contains {"rule": "a", "action": "deny", "message": 1}',
        'findings contains {"rule": "a", "action": "deny", "message": "m", "overlap": 7}',
    ],
)
def test_a_nonsense_answer_is_no_judgement(answer: str) -> None:
    with pytest.raises(CannotJudge):
        embedded([answering(answer)])(document())


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("found := set()", "data.scaleguard.findings is not defined"),
        ("findings := set() if input.nothing", "data.scaleguard.findings is not defined"),
        ("findings contains f if f := unheard_of(1)", "Function not found: unheard_of"),
        ("findings contains f(1)\n\nf(x) := f(x)", "Recursion detected"),
        ("findings := f\n\nf := 1 if input\n\nf := 2 if input", "the embedded engine failed"),
    ],
)
def test_an_engine_that_fails_is_no_judgement(answer: str, says: str) -> None:
    judge = embedded([answering(answer)])
    with pytest.raises(CannotJudge, match=says):
        judge(document())


def test_an_engine_that_failed_still_judges() -> None:
    judge = embedded(
        [answering('findings contains unheard_of(1) if input.autoscaler.type == "vpa"')]
    )
    with pytest.raises(CannotJudge):
        judge(document(type="vpa"))
    assert judge(document(type="scaler")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: Invalid file"),
        ("package a\n\nx := {\n", "line 3: this is unclosed"),
        ("package a\n\n# é\nfindings contains f if { input.a == ; f := 1 }", "line 4: Invalid"),
        ("findings contains 1 if true", "line 1: Invalid rule head"),
        (
            "package a\n\nimport data.b.q\nimport data.c.q\n\ny := q.x",
            "import must not shadow import data.b.q",
        ),
        ("package a\n\ndefault x := 1\n\ndefault x := 2\n\ny := x", "opa check --strict"),
    ],
)
def test_a_broken_file_is_named(text: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    main = answering("findings contains 1 if data.a.y")
    with pytest.raises(PolicyError) as raised:
        Engine([main, module(text, "team/bad.rego")], [ENTRYPOINT])
    assert str(raised.value).startswith("rules/team/bad.rego: ")
    assert says in str(raised.value)
    assert capfd.readouterr() == ("", "")  # the engine itself would print to stdout


@pytest.mark.parametrize("value", ['concat("", ["a", input.none])', "unbound"])
def test_a_finding_whose_value_cannot_be_had_is_told_in_words(value: str) -> None:
    engine = Engine([module(f'package p\n\nx contains {{"m": {value}}}\n')], ["p/x"])
    with pytest.raises(CannotJudge, match="got null or another type than it takes, or nothing bi"):
        engine.answer("p/x", {"none": None})
