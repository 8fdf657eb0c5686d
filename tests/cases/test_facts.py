"""The table of what is known of conflicts: each line names cases that are there, and say so."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cases.case import FOLDER

ROOT = FOLDER.parents[1]
TABLE: list[dict[str, Any]] = yaml.safe_load((FOLDER / "facts.yaml").read_text(encoding="utf-8"))
FACTS = [(section["section"], fact) for section in TABLE for fact in section["facts"]]


def names(fact: dict[str, Any]) -> list[str]:
    listed: list[str] = fact.get("cases", [])
    return listed


@pytest.mark.parametrize(
    "fact", [fact for _, fact in FACTS], ids=[f"{where}: {fact['fact']}" for where, fact in FACTS]
)
def test_a_fact_is_shown(fact: dict[str, Any]) -> None:
    assert set(fact) <= {"fact", "verdict", "cases", "tests"}
    assert names(fact) or fact.get("tests"), "nothing shows it"
    for name in names(fact):
        assert (FOLDER / f"{name}.yaml").is_file(), f"{name}: no such case"
        if "verdict" in fact:
            assert Path(name).name.startswith(f"{fact['verdict']}."), name
    for test in fact.get("tests", []):
        path, _, function = test.partition("::")
        assert f"def {function or 'test_'}" in (ROOT / path).read_text(encoding="utf-8"), test


def test_no_fact_stands_twice() -> None:
    assert len({(where, fact["fact"]) for where, fact in FACTS}) == len(FACTS)
