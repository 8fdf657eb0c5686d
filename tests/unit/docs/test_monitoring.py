"""Dashboard and alerts are made of numbers that exist; each alert has its place in the runbook."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import promql_parser
import pytest
import yaml

from tests.unit.docs.pages import DOCS, ROOT, rows

Raw = dict[str, Any]

CHART = ROOT / "charts" / "scaleguard"
DASHBOARD: Raw = json.loads((CHART / "dashboards" / "scaleguard.json").read_text("utf-8"))
ALERTS: list[Raw] = [
    rule
    for group in yaml.safe_load((CHART / "files" / "alerts.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
RUNBOOK = (DOCS / "runbook.md").read_text("utf-8")

# Given by whoever scrapes, and by histograms.
SCRAPED = {"namespace", "pod", "le"}
OF_THE_API_SERVER = {"apiserver_admission_webhook_fail_open_count": {"name", "type"}}


def panels() -> list[Raw]:
    return [one for one in DASHBOARD["panels"] if one["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    for alert in ALERTS:
        yield alert["alert"], alert["expr"]
    for panel in panels():
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", "5m")
            yield f"{panel['title']} {target['refId']}", expr


EXPRESSIONS = dict(expressions())


def labels_of_metrics() -> dict[str, set[str]]:
    """The labels of each metric, as the table has them, which is held to the code elsewhere."""
    found = dict(OF_THE_API_SERVER)
    for row in rows(DOCS / "troubleshooting.md"):
        if re.fullmatch("`scaleguard_[a-z_]+`", row[0]):
            found[row[0].strip("`")] = set(re.findall("`([a-z]+)`", row[1]))
    return found


METRICS = labels_of_metrics()


def selectors(node: Any) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        if (below := getattr(node, name, None)) is not None:
            yield from selectors(below)
    for argument in getattr(node, "args", None) or ():
        yield from selectors(argument)


def metric_of(name: str) -> str:
    return name if name in METRICS else re.sub("_(bucket|count|sum)$", "", name)


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_an_expression_is_promql_of_metrics_and_labels_that_exist(place: str) -> None:
    expr = EXPRESSIONS[place]
    asked = list(selectors(promql_parser.parse(expr)))
    names = [one.name for one in asked]
    assert sorted(map(str, names)) == sorted(re.findall(r"(?:scaleguard|apiserver)_\w+", expr))
    known = set(SCRAPED)
    for selector in asked:
        assert selector.name is not None
        assert metric_of(selector.name) in METRICS, selector.name
        labels = METRICS[metric_of(selector.name)]
        known |= labels
        matched = {one.name for one in selector.matchers.matchers}
        assert matched <= labels | SCRAPED, f"{selector.name}: {matched - labels}"
    grouped = {
        label.strip() for group in re.findall(r"by \((.*?)\)", expr) for label in group.split(",")
    }
    assert grouped <= known, grouped - known


def test_a_legend_and_a_summary_name_labels_that_the_expression_leaves() -> None:
    for alert in ALERTS:
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \((.*?)\)", alert["expr"]))))
        named = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
        assert named <= kept, alert["alert"]
    for panel in panels():
        for target in panel["targets"]:
            outermost = re.match(r"(?:\w+\([\d.]+, )?\w+ by \((.*?)\)", target["expr"])
            kept = set(re.findall(r"\w+", outermost[1])) if outermost is not None else set()
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert named == kept - {"le"}, panel["title"]


def test_each_alert_has_a_section_in_the_runbook_and_the_other_way_round() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert len(set(names)) == len(names) > 10
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(names)
    for name, text in sections.items():
        assert re.search(r"^- Look", text, re.MULTILINE), name
        assert re.search(r"^- (Do|Look and do):", text, re.MULTILINE), name
    for alert in ALERTS:
        anchor = alert["alert"].lower()
        assert alert["annotations"]["runbook_url"] == f"docs/runbook.md#{anchor}"
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert alert["annotations"]["summary"].endswith(".")


def test_the_dashboard_is_one_that_grafana_shows() -> None:
    every = DASHBOARD["panels"]
    ids = [panel["id"] for panel in every]
    assert len(set(ids)) == len(ids) > 20
    titles = [panel["title"] for panel in every]
    assert len(set(titles)) == len(titles)
    for one, other in combinations([panel["gridPos"] for panel in every], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in every)
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == source
        for target in panel["targets"]:
            assert target["datasource"] == source
            assert 'namespace=~"$namespace"' in target["expr"]


def test_what_people_ask_for_is_shown() -> None:
    """One panel at least for each of the numbers that somebody has to act upon."""
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    alerted = {
        metric_of(name) for alert in ALERTS for name in re.findall(r"scaleguard_\w+", alert["expr"])
    }
    for metric in alerted | {"scaleguard_findings_total", "scaleguard_audit_store_bytes"}:
        assert metric in shown, metric
