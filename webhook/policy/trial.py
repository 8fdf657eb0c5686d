"""The cases of a rule: `cases` in its test file, each an input and the findings wanted on it.

A wanted finding gives the keys that matter; `messageContains` lists parts of its message. The same
is written in Rego in `policies/lib/testing.rego`, for `opa test`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from webhook.core.frozen import frozen
from webhook.core.verdict import CannotJudge, Rule
from webhook.errors import PolicyError
from webhook.policy.answer import ENTRYPOINT, read_findings
from webhook.policy.catalogue import catalogue
from webhook.policy.embedded import Engine
from webhook.policy.form import document_form, unknown_fields
from webhook.policy.source import Module

COMPILE = "compile"

_SUFFIX = "_test"
_PARTS = "messageContains"


@frozen
class Suite:
    """A module that is tried, and all that are compiled for it, itself included."""

    module: Module
    compiled: tuple[Module, ...]


@frozen
class Outcome:
    """One case and how it ended."""

    module: Module
    name: str
    passed: bool
    reason: str = ""


@frozen
class Step:
    """What is done next: told before it is done, in case the engine crashes in it."""

    suite: int
    name: str


def work(connection: Connection, suites: list[Suite]) -> None:
    """Try suites, and tell every step and outcome; ends early behind an error, told too."""
    # What a native library says on stderr when it crashes is for its authors.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        for number, suite in enumerate(suites):
            for event in _events(suite):
                connection.send(Step(number, event) if isinstance(event, str) else event)
    except Exception as error:  # noqa: BLE001 - it is raised again where somebody can see it
        connection.send(error)


def _events(suite: Suite) -> Iterator[str | Outcome]:
    """Yield the name of each step before it is done, and the outcome of each case."""
    yield COMPILE
    if not suite.module.is_test:
        Engine(suite.compiled, [ENTRYPOINT])
        return
    package = suite.module.package.replace(".", "/")
    rule = f"{package.removesuffix(_SUFFIX)}/findings"
    if not package.endswith(_SUFFIX):
        raise PolicyError(
            f"{suite.module.path}: the package of a test is that of its rule with {_SUFFIX} behind"
        )
    engine, rules = Engine(suite.compiled, [f"{package}/cases", rule]), catalogue(suite.compiled)
    yield "cases"
    try:
        cases = engine.answer(f"{package}/cases", {})
    except CannotJudge as error:
        how = "tests written with `with` run only by --engine opa"
        yield Outcome(suite.module, "cases", passed=False, reason=f"{error}; {how}")
        return
    if not isinstance(cases, dict):
        reason = "`cases` is an object: the name of each case, and the case"
        yield Outcome(suite.module, "cases", passed=False, reason=reason)
        return
    for name, case in cases.items():
        yield name
        reason = _try(engine, rule, case, rules)
        yield Outcome(suite.module, name, passed=not reason, reason=reason)


def _try(engine: Engine, rule: str, case: Any, rules: Mapping[str, Rule]) -> str:
    """Judge a case; return what is wrong, and nothing where nothing is."""
    if not _is_case(case):
        return "a case has an `input` and a list of `findings`"
    # What no document has, no rule is ever given: such a case shows nothing.
    if unknown := "; ".join(unknown_fields(case["input"], document_form())):
        return unknown
    try:
        found = engine.answer(rule, case["input"])
        read_findings(found, case["input"], rules)
    except CannotJudge as error:
        return str(error)
    return disagreement(found, case["findings"])


def _is_case(case: Any) -> bool:
    return (
        isinstance(case, dict)
        and isinstance(case.get("input"), dict)
        and isinstance(case.get("findings"), list)
        and all(isinstance(want, dict) for want in case["findings"])
    )


def disagreement(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> str:
    """Say how findings differ from those wanted: as many, and each is exactly one wanted one."""
    for want in wanted:
        alike = sum(_has(one, want) for one in found)
        if alike != 1:
            return f"{alike or 'none'} of those found is {_shown(want)}; found: {_shown(found)}"
    surplus = [one for one in found if not any(_has(one, want) for want in wanted)]
    if surplus or len(found) != len(wanted):
        return f"found {len(found)}, wanted {len(wanted)}; found: {_shown(surplus or found)}"
    return ""


def _has(one: dict[str, Any], want: dict[str, Any]) -> bool:
    parts = want.get(_PARTS, [])
    return (
        all(key in one and one[key] == value for key, value in want.items() if key != _PARTS)
        and isinstance(parts, list)
        and all(isinstance(part, str) and part in one["message"] for part in parts)
    )


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
