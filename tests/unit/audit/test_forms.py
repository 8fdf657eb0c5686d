"""Findings as files: no formula, no markup, and all of it."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml

from tests.unit.audit.batches import DAY, RECORD, owned, record
from webhook.audit.findings import Found
from webhook.audit.forms import csv as csv_form
from webhook.audit.forms import html, openreports
from webhook.audit.forms.shown import shown
from webhook.core.objects import ObjectRef
from webhook.core.record import Record, RecordKind

HOSTILE = (
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\uff1d1",
        "\N{NO-BREAK SPACE}=1",
    ),
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><b>x",
    "javascript:alert(1)",
    "&amp;",
)


def found(record_: Record, count: int = 3, cluster: str = "c") -> Found:
    return Found(cluster, "r", record_.fingerprint, count, DAY, DAY + 1.25, "d1", record_.as_json())


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(text: str) -> None:
    hostile = record(text, text, message=text, user=text, remedy=text, workload=text, path=text)
    _, row = csv.reader(io.StringIO(csv_form.render([found(hostile, cluster=text)])))
    for cell in row:
        assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell), cell
        assert cell[:1] not in {"\t", "\r", "\n"}
    assert sum(text in cell for cell in row) == 8


def test_a_table_has_all_columns() -> None:
    head, row = csv.reader(io.StringIO(csv_form.render([found(owned("llama-1", "llama"))])))
    told = dict(zip(head, row, strict=True))
    assert told["lastSeen"] == "1970-01-02T00:00:01Z"
    assert (told["count"], told["decision"]) == ("3", "d1")
    assert (told["objectKind"], told["object"]) == ("Pod", "llama-1")
    assert (told["ownerKind"], told["owner"]) == ("Deployment", "llama")
    assert told["fix"] == "set controlledResources: [memory]"


def test_what_is_over_is_said_to_be() -> None:
    over = replace(found(replace(RECORD, kind=RecordKind.SCAN)), resolved=2 * DAY)
    head, row = csv.reader(io.StringIO(csv_form.render([over])))
    told = dict(zip(head, row, strict=True))
    assert (told["kind"], told["resolved"]) == ("scan", "1970-01-03T00:00:00Z")
    assert shown(over).action == "deny (over)"
    (report,) = yaml.safe_load_all(openreports.render([over]))
    assert [one["result"] for one in report["results"]] == ["pass"]


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: str) -> Page:
    parsed = Page()
    parsed.feed(page)
    parsed.close()
    return parsed


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_shows_everything_as_text(text: str) -> None:
    hostile = record(text, text, message=text, user=text, remedy=text, rule=text, action=text)
    page = read(html.render([found(hostile)], DAY))
    plain = read(html.render([found(record())], DAY))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert any(text in one for one in page.texts)


def test_a_page_needs_nothing_from_outside() -> None:
    page = read(html.render([found(record())], DAY))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.tags)
    policies = [one["content"] for tag, one in page.tags if one.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    styles = html.render([], DAY)
    assert "prefers-color-scheme: dark" in styles
    assert "url(" not in styles
    assert "@import" not in styles


def reports(*findings: Found) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all(openreports.render(findings))


def test_a_report_for_each_namespace() -> None:
    warned = record(kind=RecordKind.WARNING, action="warn")
    nowhere = replace(warned, object=ObjectRef("v1", "Node", None, "n"))
    told = list(
        reports(
            found(record("a", "shop")),
            found(record("b", "ml", kind=RecordKind.EXEMPTION, action="audit")),
            found(record("c", "shop", kind=RecordKind.AUDIT, action="audit", would="deny")),
            found(record("d", "ml", kind=RecordKind.MUTATION, action="patch", rule="")),
            found(nowhere),
        )
    )
    zero = {"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0}
    assert [(one["kind"], one["metadata"], one["summary"]) for one in told] == [
        (kind, {"name": "scaleguard", "labels": labels} | where, zero | counted)
        for labels in ({"app.kubernetes.io/managed-by": "scaleguard"},)
        for kind, where, counted in (
            ("ClusterReport", {}, {"warn": 1}),
            ("Report", {"namespace": "ml"}, {"skip": 1, "pass": 1}),
            ("Report", {"namespace": "shop"}, {"fail": 2}),
        )
    ]


def test_a_result_has_what_people_ask_for() -> None:
    (report,) = reports(found(owned("llama-1", "llama")))
    results = report["results"]
    assert results == [
        {
            "policy": "hpa-vpa-same-metric",
            "rule": "hpa-vpa-same-metric",
            "source": "scaleguard",
            "category": "Autoscaling",
            "result": "fail",
            "severity": "high",
            "scored": True,
            "message": "HPA shop/web and VPA shop/web both act on cpu",
            "timestamp": {"seconds": 86401, "nanos": 250_000_000},
            "resources": [
                {"apiVersion": "v1", "kind": "Pod", "namespace": "ml", "name": "llama-1"}
            ],
            "properties": {
                "decision": "d1",
                "count": "3",
                "firstSeen": "1970-01-02T00:00:00Z",
                "cluster": "c",
                "action": "deny",
                "user": "alice",
                "operation": "CREATE",
                "owner": "Deployment ml/llama (Pod llama-1)",
                "fix": "set controlledResources: [memory]",
            },
        }
    ]


@pytest.mark.parametrize(
    "text", ["y", "n", "on", "1e3", "null", "~", "0x1", "2026-01-01", "- a", "'"]
)
def test_texts_that_yaml_has_other_ideas_of_stay_texts(text: str) -> None:
    """kubectl reads YAML 1.1: `n` is false there."""
    written = openreports.render([found(record(message=text))])
    assert re.search(r"^ *message: [\"']", written, re.MULTILINE), written
    (report,) = yaml.safe_load_all(written)
    assert report["results"][0]["message"] == text


def test_a_large_report_comes_in_parts() -> None:
    long = "x" * 100_000
    told = list(reports(*(found(record(f"w{n}", message=long)) for n in range(12))))
    assert [one["metadata"]["name"] for one in told] == [
        "scaleguard",
        "scaleguard-2",
        "scaleguard-3",
    ]
    assert sum(len(one["results"]) for one in told) == 12
    assert all(len(yaml.safe_dump(one)) < 2**20 for one in told)
