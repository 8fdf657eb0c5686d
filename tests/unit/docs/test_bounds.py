"""Each bound of the table is that of the code, and none of the code is missing."""

import ast
import re
from dataclasses import fields, is_dataclass
from datetime import timedelta
from functools import cache, reduce
from importlib import import_module
from typing import Any

import pytest
import yaml

from tests.unit.docs.pages import ROOT
from tests.unit.docs.test_tables import BOUNDS, title
from webhook.core import quantity

# Parts of the commands for people, who wait for what they asked for themselves.
COMMANDS = {"cli", "demo", "doctor", "rendering", "migrations"}

# Called alike, and no bound of ours: what 64 bits or a float hold, or a name that Kubernetes takes.
NO_BOUNDS = {
    "webhook.audit.serving.app._MOST_DIGITS",
    "webhook.audit.store.query._MOST_DIGITS",
    "webhook.core.entry._MOST_DIGITS",
    "webhook.core.quantity.LARGEST_BINARY_NANOS",
    "webhook.core.quantity.LARGEST_INTEGER",
    "webhook.core.vpa_plan.manifest._LONGEST_NAME",
    "webhook.manifests.scalars._LARGEST_EXACT",
}
NAME = re.compile(r"_?(MOST|LONGEST|DEEPEST|LARGEST|REMEMBERED)(_[A-Z_]+)?|IN_FLIGHT_PER_THREAD")
UNITS = {"KiB": 2**10, "MiB": 2**20, "s": 1, "ms": 0.001}


def said(text: str) -> float:
    """A number as it is written in the table."""
    number, _, unit = text.partition(" ")
    return float(number.replace(",", "")) * UNITS.get(unit, 1)


def amount(value: Any) -> float:
    """A constant as a number."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        nanos = quantity.parse(value)
        assert nanos is not None
        return nanos / quantity.NANOS_PER_UNIT
    assert isinstance(value, int | float)
    return float(value)


@cache
def values() -> dict[str, Any]:
    text = (ROOT / "charts/scaleguard/values.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def constant(name: str) -> Any:
    """What stands in the code, or in the chart."""
    first, *steps = name.split(".")
    if first == "values":
        return reduce(lambda found, step: found[step], steps, values())
    owner, _, last = name.rpartition(".")
    before, _, kind = owner.rpartition(".")
    if not kind[0].isupper():
        return getattr(import_module(owner), last)
    record = getattr(import_module(before), kind)
    assert is_dataclass(record)
    return next(one.default for one in fields(record) if one.name == last)


@pytest.mark.parametrize("row", BOUNDS, ids=title)
def test_each_bound_is_that_of_the_code(row: dict[str, Any]) -> None:
    assert row["beyond"]
    assert row["why"]
    assert row["reached"] in {"anybody", "users", "cluster", "us"}
    for name, text in row["most"].items():
        assert said(text) == pytest.approx(amount(constant(name))), name


def test_no_bound_is_missing() -> None:
    listed = {name for row in BOUNDS for name in row["most"]}
    paths = [*(ROOT / "webhook").rglob("*.py"), *(ROOT / "certs").rglob("*.py")]
    there = {
        f"{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}.{name}"
        for path in paths
        if not COMMANDS & set(path.relative_to(ROOT).parts)
        for name in assigned(path.read_text("utf-8"))
        if NAME.fullmatch(name)
    }
    assert there - listed == NO_BOUNDS


def assigned(source: str) -> list[str]:
    """The names that a module assigns to."""
    targets = [
        target
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return [target.id for target in targets if isinstance(target, ast.Name)]
