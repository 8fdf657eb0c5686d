"""The embedded engine: hostile text, threads, and answers that are none."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.policy.rego import RULE, answering, module
from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict
from webhook.errors import PolicyError
from webhook.policy.embedded import Embedded, Engine
from webhook.policy.source import load

THREADS, EVALUATIONS, RELOADS = 8, 200, 30

SETTINGS = {"strictness": "literal", "gkeRightsizing": False, "startupBoost": "warn"}

# Surrogates are left out: reading a manifest replaces them, as Kubernetes does.
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text('a"\\\n\t\x00%{}[]é✓😀\u2028')


@pytest.fixture(scope="module")
def judge() -> Embedded:
    return Embedded(load())


def document(*overlaps: dict[str, Any], **autoscaler: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "settings": SETTINGS,
        "object": {"text": autoscaler.pop("text", "HorizontalPodAutoscaler shop/web")},
        "autoscaler": autoscaler,
        "overlaps": [{"id": number, **one} for number, one in enumerate(overlaps)],
    }


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
    judge: Embedded, texts: tuple[str, ...], containers: list[str]
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
def test_text_comes_back_unchanged_from_an_alias(judge: Embedded, texts: tuple[str, ...]) -> None:
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
def test_text_comes_back_unchanged_from_duplicates(judge: Embedded, texts: tuple[str, ...]) -> None:
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
    judge: Embedded, name: str, reason: str, path: str
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


def test_threads_do_not_meet(judge: Embedded) -> None:
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
        Embedded([answering(answer)])(document())


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
    judge = Embedded([answering(answer)])
    with pytest.raises(CannotJudge, match=says):
        judge(document())


def test_a_text_that_cannot_be_encoded_comes_back_all_the_same(judge: Embedded) -> None:
    vpa = document(type="vpa", text="a\ud800", ineffective="why", unquoted=[])
    assert [verdict.message for verdict in judge(vpa)] == ["a\ud800 writes nothing: why"]


def test_an_engine_that_failed_still_judges() -> None:
    judge = Embedded(
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
        Embedded([main, module(text, "team/bad.rego")])
    assert str(raised.value).startswith("rules/team/bad.rego: ")
    assert says in str(raised.value)
    assert capfd.readouterr() == ("", "")  # the engine itself would print to stdout


def test_two_folders_may_have_files_of_one_name() -> None:
    other = RULE.replace("team.vpa", "team.other").replace("custom/vpa", "custom/other")
    judge = Embedded([*load(), module(RULE), module(other)])
    vpa = document(type="vpa", text="v", ineffective=None, unquoted=[])
    assert {verdict.rule for verdict in judge(vpa)} == {"custom/vpa", "custom/other"}


def test_all_threads_share_one_engine_which_goes_with_the_rules_that_nobody_uses_any_more() -> None:
    """A webhook replaces its rules for weeks: each engine holds some megabytes."""
    modules, together = load(), threading.Barrier(THREADS)
    engines: WeakSet[Engine] = WeakSet()

    def use(rules: Embedded) -> None:
        together.wait(10)
        engines.add(rules._engine)
        assert rules(document()) == []

    with ThreadPoolExecutor(THREADS) as pool:  # its threads live on, as those of a server do
        sizes = []
        for _ in range(RELOADS):
            rules = Embedded(modules)
            for done in [pool.submit(use, rules) for _ in range(THREADS)]:
                done.result()
            assert len(engines) == 1
            del done, rules
            assert len(engines) == 0
            sizes.append(resident_mib())
    assert sizes[-1] - sizes[RELOADS // 3] < 10, sizes


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.parametrize("value", ['concat("", ["a", input.none])', "unbound"])
def test_a_finding_whose_value_cannot_be_had_is_told_in_words(value: str) -> None:
    engine = Engine([module(f'package p\n\nx contains {{"m": {value}}}\n')], ["p/x"])
    with pytest.raises(CannotJudge, match="got null or another type than it takes, or nothing bi"):
        engine.answer("p/x", {"none": None})
