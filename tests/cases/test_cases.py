"""Every case: by the code of the webhook through both engines of the rules, and by a review."""

import copy
import json
from functools import cache

import jsonpatch
import pytest

from tests.cases.case import VERDICTS, Case, cases
from tests.cases.check import check, review_of
from tests.cases.check_review import check_review
from webhook import config as configuration
from webhook.core.decide import Judge, mutate
from webhook.core.objects import POD, reference
from webhook.core.review import read_review
from webhook.core.world import World
from webhook.wiring import build_judge

ALL = cases()
NAMES = [case.name for case in ALL]
# A review knows no update, and nobody who writes only one of the objects.
OF_FILES = [case for case in ALL if not {"old", "request"} & set(case.header)]
WITH_A_POD = [case for case in ALL if any(reference(raw).group_kind == POD for raw in case.objects)]


def judge_for(case: Case, opa: str | None = None) -> Judge:
    """A judge with the configuration of a case; equal ones are made once."""
    data = dict(case.header.get("config") or {})
    if opa is not None:
        data["policies"] = {"engine": "opa", "opa": {"url": opa, "timeoutSeconds": 3}}
    return _judge(json.dumps(data))


@cache
def _judge(config: str) -> Judge:
    return build_judge(configuration.parse(json.loads(config), "the config of a case"))


def test_there_are_cases() -> None:
    assert len(ALL) > 100
    assert {case.verdict for case in ALL} <= set(VERDICTS)


@pytest.mark.parametrize("case", ALL, ids=NAMES)
def test_embedded(case: Case) -> None:
    check(case, judge_for(case))


@pytest.mark.opa
@pytest.mark.parametrize("case", ALL, ids=NAMES)
def test_opa_server(case: Case, opa_server: str) -> None:
    check(case, judge_for(case, opa_server))


@pytest.mark.parametrize("case", OF_FILES, ids=[case.name for case in OF_FILES])
def test_review(case: Case) -> None:
    check_review(case, judge_for(case))


@pytest.mark.parametrize("case", WITH_A_POD, ids=[case.name for case in WITH_A_POD])
def test_a_second_run_changes_nothing(case: Case) -> None:
    judge = judge_for(case)
    world = World.of(case.objects, judge.knowledge.kinds)
    for raw in case.objects:
        if reference(raw).group_kind != POD:
            continue
        first = mutate(read_review(review_of(raw)), world, judge)
        patch = first.fitting.patch if first.fitting is not None else []
        fitted = jsonpatch.apply_patch(copy.deepcopy(raw), patch)
        again = mutate(read_review(review_of(fitted)), world, judge)
        assert again.fitting is None or again.fitting.patch == []
        assert (again.ai_pod is None) == (first.ai_pod is None)
