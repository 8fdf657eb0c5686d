"""The built-in rules as Python: hostile text, threads, and answers that are none."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.policy.rego import RULE, document, module
from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict
from webhook.errors import PolicyError
from webhook.policy.compiled.rules import Compiled, planned
from webhook.policy.embedded import Engine
from webhook.policy.source import load

THREADS, EVALUATIONS = 8, 200

PLANNED = """
import webhook.policy.custom.rules
from webhook.policy.compiled.rules import Compiled
from webhook.policy.source import load
Compiled(load())
print("regopy" in sys.modules)
"""

# Surrogates are left out: reading a manifest replaces them, as Kubernetes does.
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text('a"\\\n\t\x00%{}[]é✓😀\u2028')


@pytest.fixture(scope="module")
def judge() -> Compiled:
    return Compiled(load())


def same_metric(**changes: Any) -> dict[str, Any]:
    return {
        "type": "same-metric",
        "workload": {"text": "Deployment web"},
        "resource": "cpu",
        "containers": ["app"],
        "scaler": {"text": "HorizontalPodAutoscaler shop/web"},
        "vpa": {"text": "v", "mode": "Recreate", "gkeRightsizing": False},
        "metric": {
            "path": "spec.metrics[0]",
            "container": None,
            "target": "70%",
            "targetType": "Utilization",
            "defaulted": False,
        },
        "boost": False,
        "reductions": [],
        "fix": "updateMode",
        **changes,
    }


@settings(deadline=None)
@given(st.tuples(*[TEXT] * 9), st.lists(TEXT, min_size=2))
def test_text_comes_back_unchanged_from_a_conflict(
    judge: Compiled, texts: tuple[str, ...], containers: list[str]
) -> None:
    workload, resource, scaler, vpa, mode, path, target, reduction, fix = texts
    overlap = same_metric(
        workload={"text": workload},
        resource=resource,
        containers=containers,
        scaler={"text": scaler},
        vpa={"text": vpa, "mode": mode, "gkeRightsizing": False},
        metric=same_metric()["metric"] | {"path": path, "target": target},
        reductions=[reduction],
        fix=fix,
    )
    assert judge(document(overlap)) == [
        Verdict(
            "hpa-vpa-same-metric",
            Action.WARN,
            f"{scaler} scales {workload} on {resource} (Utilization {target}, {path}) while {vpa}"
            f" (mode {mode}) sets the {resource} request of containers {', '.join(containers)}"
            f"; only a warning: {reduction}",
            f"set {fix} in {vpa}",
            0,
        )
    ]


@settings(deadline=None)
@given(st.tuples(*[TEXT] * 8))
def test_text_comes_back_unchanged_from_an_alias(judge: Compiled, texts: tuple[str, ...]) -> None:
    workload, resource, container, scaler, vpa, mode, expression, path = texts
    overlap = {
        "type": "alias-metric",
        "workload": {"text": workload},
        "resource": resource,
        "containers": [container],
        "scaler": {"text": scaler},
        "vpa": {"text": vpa, "mode": mode, "target": "Rollout shop/web"},
        "expression": expression,
        "relativeTo": None,
        "above": False,
        "path": path,
    }
    (verdict,) = judge(document(overlap))
    assert verdict.message == (
        f'{scaler} scales {workload} on "{expression}" ({path}), which reads {resource} usage,'
        f" while {vpa} (mode {mode}) sets the {resource} request of container {container}"
    )
    assert verdict.remedy.startswith(f"let {vpa} leave {resource} alone")


@settings(deadline=None)
@given(st.tuples(*[TEXT] * 8))
def test_text_comes_back_unchanged_from_duplicates(judge: Compiled, texts: tuple[str, ...]) -> None:
    workload, one, other, namespace, name, mode, others_mode, reduction = texts
    scalers = {
        "type": "duplicate-scaler",
        "workload": {"text": workload},
        "scaler": {"text": one},
        "other": {"text": other, "kind": "ScaledObject", "namespace": namespace, "name": name},
        "reductions": [],
    }
    vpas = {
        "type": "duplicate-vpa",
        "workload": {"text": workload},
        "vpa": {"text": one, "mode": mode, "onlyBoosts": False},
        "other": {"text": other, "mode": others_mode, "onlyBoosts": False},
        "reductions": [reduction],
    }
    first, second = sorted(judge(document(scalers, vpas)), key=lambda verdict: verdict.rule)
    assert first.message == f"{one} scales {workload}, and so does {other}"
    assert first.remedy.endswith(f"kubectl delete scaledobject -n {namespace} {name}")
    assert second.message == (
        f"{one} (mode {mode}) acts on {workload}, and so does {other} (mode {others_mode})"
        f"; only a warning: {reduction}"
    )


@settings(deadline=None)
@given(TEXT, TEXT, TEXT)
def test_text_comes_back_unchanged_from_what_has_no_effect(
    judge: Compiled, name: str, reason: str, path: str
) -> None:
    scaler = document(type="scaler", active=True, text=name, inert=reason, inertPath=path)
    (verdict,) = judge(scaler)
    assert verdict.message == f"{name} never changes the replicas: {reason}"
    assert verdict.path == path
    vpa = document(type="vpa", text=name, ineffective=reason, unquoted=[path])
    told = {verdict.message for verdict in judge(vpa)}
    assert told == {
        f"{name} writes nothing: {reason}",
        f"{name}: {path} is a boolean, since YAML reads an unquoted Off as false",
    }


def test_threads_do_not_meet(judge: Compiled) -> None:
    start = threading.Barrier(THREADS)

    def evaluate(thread: int) -> set[str]:
        start.wait()
        messages = set()
        for number in range(EVALUATIONS):
            name = f'VPA {thread} "{number}"'
            (verdict,) = judge(document(type="vpa", text=name, ineffective="why", unquoted=[]))
            messages.add(verdict.message)
        return messages

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(evaluate, range(THREADS)))
    for thread, messages in enumerate(found):
        assert messages == {
            f'VPA {thread} "{number}" writes nothing: why' for number in range(EVALUATIONS)
        }


def test_a_text_that_cannot_be_encoded_comes_back_all_the_same(judge: Compiled) -> None:
    vpa = document(type="vpa", text="a\ud800", ineffective="why", unquoted=[])
    assert [verdict.message for verdict in judge(vpa)] == ["a\ud800 writes nothing: why"]


def test_two_folders_may_have_files_of_one_name() -> None:
    other = RULE.replace("team.vpa", "team.other").replace("custom/vpa", "custom/other")
    judge = Compiled([*load(), module(RULE), module(other)])
    vpa = document(type="vpa", text="v", ineffective=None, unquoted=[])
    assert {verdict.rule for verdict in judge(vpa)} == {"custom/vpa", "custom/other"}


def rule(text: str) -> Compiled:
    """One rule, whose findings are this."""
    metadata, _, _ = RULE.partition("findings contains")
    return Compiled([module(f"{metadata}{text}\n")])


@pytest.mark.parametrize(
    "answer",
    [
        "findings := true",
        "findings := 1",
        'findings := "none"',
        "findings := {}",
        "findings := []",
        "findings := null",
        'findings contains "text"',
        'findings contains {"rule": "a", "action": "deny", "message": "m"}',
        'findings contains {"rule": "custom/vpa", "action": "refuse", "message": "m"}',
        'findings contains {"rule": "custom/vpa", "action": "deny", "message": 1}',
        'findings contains {"rule": "custom/vpa", "action": "deny", "message": "m", "overlap": 7}',
    ],
)
def test_a_nonsense_answer_is_no_judgement(answer: str) -> None:
    with pytest.raises(CannotJudge):
        rule(answer)(document())


@pytest.mark.parametrize(
    "value",
    [
        'concat("", ["a", input.none])',
        'concat("", input.none)',
        "count(input.none)",
        "array.concat(input.none, [])",
        "format_int(input.none, 10)",
        "format_int(3, 2)",
        'format_int("3", 10)',
        "format_int(true, 10)",
        'object.get(input.none, "a", 1)',
        'object.get("text", ["a"], 1)',
        "lower(input.none)",
        "input.none > 1",
    ],
)
def test_a_function_that_gets_another_type_is_no_judgement(value: str) -> None:
    """OPA would make nothing of it, and what is not said is allowed."""
    with pytest.raises(CannotJudge, match="a rule failed"):
        rule(f'findings contains {{"m": x}} if x := {value}')({"none": None})


@pytest.mark.parametrize(
    ("body", "holds"),
    [
        ("input.a == 1", True),
        ("input.a == true", False),
        ("input.t == true", True),
        ("input.t == 1", False),
        ("input.a != 2", True),
        ("not input.gone", True),
        ("not input.a", False),
        ("not input.f", True),
        ("input.gone != 1", False),
        ("some x in input.list; x == 2", True),
        ("some x in input.list; x == 3", False),
        ("input.list[1] == 2", True),
        ("input.list[2] == 2", False),
        ("input.list == [1, 2]", True),
        ("input.list == [1, true]", False),
        ('input.object == {"a": [1, {"b": null}]}', True),
        ('input.object == {"a": [1, {"b": false}]}', False),
        ("{x | some x in input.list} == {2, 1}", True),
        ("{x | some x in input.list} == {2, 1, 3}", False),
        ("count({x | some x in [1, 1, 2]}) == 2", True),
        ('object.get(input, "gone", 7) == 7', True),
        ('object.get(input, ["object", "a"], 7) == [1, {"b": null}]', True),
        ('object.get(input, ["object", "gone"], 7) == 7', True),
        ("is_null(input.object.a[1].b)", True),
        ("is_null(input.a)", False),
        ("is_object(input.object)", True),
        ("is_object(input.list)", False),
        ('is_string(input.s); lower(input.s) == "abc"', True),
        ("is_string(input.a)", False),
        ('some k, v in input.object; k == "a"; count(v) == 2', True),
        ("count(input.s) > 2", True),
        ('input.s > "ABB"', True),
        ("array.concat(input.list, [3]) == [1, 2, 3]", True),
        ("format_int(input.a, 10) == input.one", True),
        ("n := null; n == input.object.a[1].b", True),
        ("x := 1.5; x > input.a", True),
        ("every x in input.list { x > 0 }", True),
        ("every x in input.list { x > 1 }", False),
        ('input.s == "a\\"c"', False),
    ],
)
def test_it_means_what_it_means_in_the_embedded_engine(body: str, holds: bool) -> None:  # noqa: FBT001
    given = {
        "a": 1,
        "one": "1",
        "t": True,
        "f": False,
        "list": [1, 2],
        "object": {"a": [1, {"b": None}]},
        "s": "ABC",
    }
    text = f'holds := "yes" if {{ {body} }}'
    engine = Engine([module(f"package p\n\n{text}\n")], ["p/holds"])
    engine.put(given)
    by_engine = engine.evaluate("p/holds", "no")
    compiled = rule(
        f'{text}\n\nfindings contains {{"rule": "custom/vpa", "action": "warn", "message": holds}}'
    )
    said = [verdict.message for verdict in compiled(given)]
    assert said == (["yes"] if holds else [])
    assert by_engine == ("yes" if holds else "no")


def test_a_set_is_joined_in_order() -> None:
    """As OPA does it; the embedded engine joins it as it comes."""
    text = 'concat(",", {"b", input.a})'
    found = f'findings contains {{"rule": "custom/vpa", "action": "warn", "message": {text}}}'
    assert [verdict.message for verdict in rule(found)({"a": "a"})] == ["a,b"]


def test_a_rule_with_two_values_is_no_judgement() -> None:
    judge = rule("findings contains f\n\nf := 1 if input\n\nf := 2 if input")
    with pytest.raises(CannotJudge, match="Conflict"):
        judge(document())


def test_a_function_that_is_not_compiled_is_named() -> None:
    with pytest.raises(NotImplementedError, match="the rules call upper: it is none of"):
        rule('findings contains upper("a")')


@pytest.mark.parametrize("library", ["frozenlist", "greenlet"])
def test_rules_are_planned_whatever_else_is_there(library: str, tmp_path: Path) -> None:
    """A library in C++ before it, as those of aiohttp and SQLAlchemy, and a folder of this name."""
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook" / "__init__.py").write_text("raise SystemExit(7)", "utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys, {library}{PLANNED}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_a_process_that_ends_without_a_plan_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PolicyError, match="the rules cannot be planned: exit status 1"):
        planned(load())
    monkeypatch.setattr(sys, "executable", "/nowhere")
    with pytest.raises(PolicyError, match="the rules cannot be planned"):
        planned(load())


def test_compiling_the_same_rules_again_costs_nothing() -> None:
    """A configuration that changes beside them is taken over in no time, and by each worker."""
    first, second = Compiled(load()), Compiled(load())
    assert first._findings is second._findings
