"""What `make bench` sends, and how it reads what comes back."""

import json
import uuid
from collections import Counter

import pytest

from tests.bench.serving.autoscalers import ALL, NAMESPACES, Around, everything, judged
from tests.bench.serving.drivers import quantile
from tests.bench.serving.goals import goals
from tests.bench.serving.rows import Row, rows
from webhook.config import Config
from webhook.core.decide import Judge, mutate, validate
from webhook.core.review import read_review
from webhook.core.world import World
from webhook.policy.source import load
from webhook.wiring import judge_of

PLACES = 120


@pytest.fixture(scope="module")
def judge() -> Judge:
    return judge_of(Config(), load())


@pytest.fixture(scope="module")
def world(judge: Judge) -> World:
    objects = (raw for around in Around for raw in judged(PLACES, around))
    return World.of(objects, judge.knowledge.kinds)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_bodies_differ_and_are_answered_as_the_row_says(
    row: Row, judge: Judge, world: World
) -> None:
    bodies = row.bodies(PLACES)
    assert len(set(bodies)) == PLACES
    assert bodies == row.bodies(PLACES)
    uids = {uuid.UUID(json.loads(body)["request"]["uid"]) for body in bodies}
    assert len(uids) == PLACES
    decide = {"mutate": mutate, "validate": validate}[row.endpoint]
    for body in bodies[:: PLACES // 3]:
        decision = decide(read_review(json.loads(body)), world, judge)
        is_patched = decision.fitting is not None and bool(decision.fitting.patch)
        assert (decision.allowed, is_patched) == (row.allowed, row.patched)


def test_sizes_are_those_that_are_promised() -> None:
    sizes = {row.name: len(row.bodies(1)[0]) for row in rows()}
    assert 4_000 < sizes["gpu-pod"] < 5_000
    assert 28_000 < sizes["large-pod"] < 32_000


def test_full_cluster_is_full() -> None:
    found = list(everything(1000))
    assert Counter(raw["kind"] for raw in found) == {
        "Namespace": NAMESPACES,
        "HorizontalPodAutoscaler": ALL,
        "VerticalPodAutoscaler": ALL,
        "Deployment": 9_000,
    }
    autoscalers = [raw for raw in found if raw["kind"].endswith("Autoscaler")]
    by_space = Counter(raw["metadata"]["namespace"] for raw in autoscalers)
    for around in (Around.SOME, Around.CROWD):
        assert by_space[around.namespace(0)] == around.value
    names = {(raw["kind"], *map(raw["metadata"].get, ("namespace", "name"))) for raw in found}
    assert len(names) == len(found)


def test_quantile_is_a_value_that_was_measured() -> None:
    measured = [float(each) for each in range(1, 1001)]
    assert quantile(measured, 0.5) == 500
    assert quantile(measured, 0.99) == 990
    assert quantile(measured, 0.999) == 999
    assert quantile([7.0], 0.999) == 7


def test_goals_are_reached_at_their_bounds() -> None:
    for goal in goals():
        assert goal.reached(goal.bound)
        beyond = goal.bound * (0.99 if goal.at_least else 1.01)
        assert not goal.reached(beyond)
