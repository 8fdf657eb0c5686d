"""Functions of one name with different numbers of parameters crash the embedded engine."""

import time

import pytest

from tests.unit.policy.rego import RULE, module
from webhook.errors import PolicyError
from webhook.policy.answer import ENTRYPOINT
from webhook.policy.arity import _functions, check
from webhook.policy.embedded import Engine
from webhook.policy.source import load


@pytest.mark.parametrize(
    ("head", "count"),
    [
        ("f(x) := x", 1),
        ("f(x, y) := x", 2),
        ("f(x, y,) := x", 2),
        ("f() := 1", 0),
        ("f([], _) := 1", 2),
        ('f([x, y], {"a": z, "b": [1, 2]}) := x', 2),
        ('f(",", x) := x', 2),
        ("f(`,)`) := 1", 1),
        ("f(\n\tx, # one, two)\n\ty,\n) := x", 2),
        ("default f(_, _) := 1", 2),
        ("a.b.f(x) if g(x, x)", 1),
    ],
)
def test_parameters_are_counted(head: str, count: int) -> None:
    assert list(_functions(f"package a\n\n{head}\n")) == [("f", count)]


@pytest.mark.parametrize(
    "text",
    [
        "x := f(1, 2)",
        "# f(x) is no function",
        "findings contains f(1)",
        "x if {\n\tcount(input.a) == 1\n}",
        "f[x] := 1",
        "f",
        "f(",
    ],
)
def test_what_only_calls_is_no_function(text: str) -> None:
    assert [name for name, _ in _functions(text) if text != "f("] == []


def test_functions_of_one_name_and_as_many_parameters_are_fine() -> None:
    check([module("f(x) := 1\nf(y) := 1"), module("f(z) := 2"), module("g(a, b) := 3")])


@pytest.mark.parametrize("more", ["message(overlap, more) := 1", "message() := 1"])
def test_a_rule_of_a_user_that_would_crash_the_engine_is_refused(more: str) -> None:
    with pytest.raises(PolicyError) as raised:
        Engine([*load(), module(f"{RULE}\n{more}\n")], [ENTRYPOINT])
    assert str(raised.value).startswith("rules/rule.rego: function message takes ")
    assert "hpa_vpa_alias_metric.rego: give it another name" in str(raised.value)


@pytest.mark.parametrize("open_head", ["f(", 'f("' + '\\"' * 20])
def test_heads_that_are_not_closed_take_linear_time(open_head: str) -> None:
    begun = time.process_time()
    assert len(list(_functions(f"{open_head}\n" * 50_000))) == 50_000
    assert time.process_time() - begun < 5
