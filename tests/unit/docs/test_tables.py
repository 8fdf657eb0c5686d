"""Each row of the tables is held to the code, and shown by tests."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.tables import PAGES, page, rows
from tests.unit.docs.pages import DOCS, ROOT
from tests.unit.docs.test_troubleshooting import metric_names

FAILURES, THREATS, BOUNDS = map(rows, ("failure_modes.yaml", "threats.yaml", "bounds.yaml"))
ALERTS = {
    rule["alert"]: str(rule["expr"])
    for group in yaml.safe_load((ROOT / "charts/scaleguard/files/alerts.yaml").read_text("utf-8"))[
        "groups"
    ]
    for rule in group["rules"]
}


def title(row: dict[str, Any]) -> str:
    names = ("edge", "when", "who", "tries", "where", "what")
    return ": ".join(row[name] for name in names if name in row)[:60]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_made_of_the_rows(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == page(name), "run: python scripts/tables.py"


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("row", [*FAILURES, *THREATS, *BOUNDS], ids=title)
def test_each_row_is_shown_by_tests(row: dict[str, Any]) -> None:
    assert row["tests"] or row.get("reached") in {"cluster", "us"}
    for named in row["tests"]:
        file, _, test = named.partition("::")
        found = functions(file)
        assert test in found if test else any(one.startswith("test_") for one in found), named


@cache
def texts() -> str:
    """All texts of the program, as they stand in its log."""
    trees = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "webhook").rglob("*.py"))
    return "\n".join(
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@cache
def metrics_of_the_code() -> frozenset[str]:
    return frozenset(metric_names())


@pytest.mark.parametrize("row", FAILURES, ids=title)
def test_each_failure_is_counted_logged_and_alerted_as_it_says(row: dict[str, Any]) -> None:
    metrics = {one.partition("{")[0] for one in row["counted"]}
    ours = {one for one in metrics if one.startswith("scaleguard_")}
    assert ours <= metrics_of_the_code()
    assert metrics - ours <= {"apiserver_admission_webhook_fail_open_count"}
    for label, value in re.findall(r'(\w+)="(\w+)"', " ".join(row["counted"])):
        assert value in texts(), (label, value)
    assert row["logged"] in texts()
    assert not row["alert"] or row["alert"] in ALERTS


def test_every_alert_is_the_answer_to_a_failure() -> None:
    """But for those on what nobody waits for, and on what is slow."""
    others = {"ScaleguardSlow", "ScaleguardConfigDiffers", "ScaleguardAuthorityExpires"}
    others |= {"ScaleguardControllerRefused", "ScaleguardScanStands", "ScaleguardReportsBehind"}
    others |= {"ScaleguardAuditKeepsAll"}
    assert ALERTS.keys() - {row["alert"] for row in FAILURES} == others


def test_sources_are_read_by_the_script_alone() -> None:
    listed = {path.name for path in Path(ROOT / "tests" / "tables").glob("*.yaml")}
    assert listed == {source for source, _ in PAGES.values()}
