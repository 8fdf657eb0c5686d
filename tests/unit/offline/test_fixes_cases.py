"""`--fix` of every case file that has something to fix, as it is written there."""

import json
from functools import cache
from pathlib import Path

import pytest

from tests.cases.case import Case, cases
from webhook import config as configuration
from webhook.core.decide import Judge
from webhook.core.finding import Action
from webhook.manifests.reading import read_text
from webhook.offline.fixes import Fixing
from webhook.offline.judge import review
from webhook.offline.results import Review
from webhook.wiring import build_judge

FIXABLE = [case for case in cases() if case.verdict in {"deny", "warn"}]
FILE = "case.yaml"


@cache
def judge_of(config: str) -> Judge:
    return build_judge(configuration.parse(json.loads(config), "the config of a case"))


def fixed(case: Case, content: bytes) -> tuple[bytes, Review, Fixing]:
    judge = judge_of(json.dumps(case.header.get("config") or {}))
    entries = list(read_text(content.decode(), FILE))
    fixing = Fixing({FILE: entries}, lambda _: content, lambda some: review(some, judge))
    after = fixing.run(review(entries, judge))
    return fixing.after.get(FILE, content), after, fixing


def comments(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.lstrip().startswith("#")]


@pytest.mark.parametrize("topic", sorted({case.path.parent.name for case in FIXABLE}))
def test_a_case_is_fixed_once_and_keeps_what_is_not_at_fault(topic: str) -> None:
    for case in FIXABLE:
        if case.path.parent.name != topic:
            continue
        before = Path(case.path).read_bytes()
        text, after, fixing = fixed(case, before)
        if not fixing.made:
            continue
        again, _, second = fixed(case, text)
        assert (again, second.made) == (text, []), case.name
        assert comments(text.decode()) == comments(before.decode()), case.name
        objects = {fix.target.ref.identity for fix in fixing.made}
        left = {
            finding.fix.ref.identity
            for result in after.results
            for finding in result.findings
            if finding.fix is not None and finding.enforced is not Action.AUDIT
        }
        assert not objects & left, f"{case.name}: what was fixed is still a finding"
