"""The pages of rules say what the rules do."""

from collections.abc import Mapping
from functools import cache

import pytest
import yaml

from scripts import rule_document
from tests.unit.docs.pages import ROOT, RULES, blocks, rows, slugs, tables
from webhook.core.finding import Action
from webhook.core.verdict import Rule
from webhook.policy.catalogue import catalogue
from webhook.policy.source import load


@cache
def rules() -> Mapping[str, Rule]:
    return catalogue(load())


def test_the_table_of_rules_is_the_catalogue() -> None:
    listed = [(row[0], row[1], row[2]) for row in tables(RULES / "README.md")[0]]
    assert listed == [
        (f"[{rule.rule}]({rule.rule}.md)", rule.default.value, rule.title)
        for rule in rules().values()
    ]


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert {path.stem for path in RULES.glob("*.md")} - {"README"} == set(rules())


@pytest.mark.parametrize("rule", sorted(rules()))
def test_a_page_of_a_rule_shows_all_that_it_should(rule: str) -> None:
    page = RULES / f"{rule}.md"
    text = page.read_text("utf-8")
    default = rules()[rule].default
    assert text.startswith(f"# {rule}\n\nDefault: `{default.value}`. ")
    given = {argument for block in blocks(page) for argument in block.get("gives")}
    assert {default.value, "nothing", "audit"} <= given
    assert any(
        rule in (yaml.safe_load(block.text).get("rules") or {})
        for block in blocks(page)
        if block.get("config")
    ), "no configuration of the rule"
    for heading in ("why", "example", "fix", "exempt", "configure"):
        assert heading in slugs(page), f"{rule}: no heading {heading}"


def test_reasons_for_a_warning_are_those_of_the_code() -> None:
    sources = [*(ROOT / "webhook" / "core").rglob("*.py"), *(ROOT / "policies").rglob("*.rego")]
    code = "\n".join(source.read_text("utf-8") for source in sources)
    reasons = [row[0].strip("`") for row in rows(RULES / "hpa-vpa-same-metric.md")]
    assert len(reasons) > 6
    for reason in reasons:
        longest = max(reason.split("…"), key=len).strip()
        assert longest.replace("ScaledObject", "").strip() in code, reason


def test_what_rules_read_is_described_as_in_its_schema() -> None:
    written = rule_document.TARGET.read_text("utf-8")
    assert written == rule_document.page(), "run: python scripts/rule_document.py"


def test_actions_are_explained() -> None:
    explained = {row[0].strip("`") for row in tables(RULES / "README.md")[1]}
    assert explained == {action.value for action in Action}
