"""One look at a workload: what is planned, what is written, and what people are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.controller.recorded import Counted
from tests.unit.core.vpa_plan.test_plan import judge_of
from tests.unit.core.vpa_plan.workloads import Raw, hpa, metric, vpa, workload
from webhook.cluster.errors import ApiError
from webhook.controller.reconcile import Looked, Reconciler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.vpa_plan.plan import Planned
from webhook.core.vpa_plan.steps import Apply, Remove, Step, kept_of
from webhook.core.world import World

LLAMA = WorkloadKey("ml", "apps", "Deployment", "llama")
OURS = "VerticalPodAutoscaler ml/scaleguard-deployment-llama"
SURE = frozenset({"Off", "Initial", "Recreate"})


@dataclass
class Cluster:
    """What is known, what is written into it, and what people read there."""

    objects: list[Raw]
    is_there: bool = True
    has_vpas: bool = True
    ours: list[Raw] = field(default_factory=list)
    written: list[Step] = field(default_factory=list)
    error: ApiError | None = None
    told: list[tuple[str, str, bool]] = field(default_factory=list)
    modes: frozenset[str] = SURE
    asked_modes: int = 0

    def raw(self, key: WorkloadKey) -> Raw | None:
        assert key == LLAMA
        return self.objects[0] if self.is_there else None

    def managed(self, key: WorkloadKey) -> list[Mapping[str, Any]]:
        assert key == LLAMA
        return [kept_of(raw) for raw in self.ours]

    def world(self) -> World:
        return World.of([*self.objects, *self.ours], judge_of("{}").knowledge.kinds)

    def write(self, step: Step) -> None:
        if self.error is not None:
            raise self.error
        self.written.append(step)
        self.ours = [raw for raw in self.ours if raw["metadata"]["name"] != step.ref.name]
        if isinstance(step, Apply):
            self.ours.append({**step.vpa, "metadata": {**step.vpa["metadata"], "uid": "v-1"}})

    def tell(
        self, workload: Mapping[str, Any], reason: str, message: str, *, is_warning: bool = False
    ) -> None:
        assert workload is self.objects[0]
        self.told.append((reason, message, is_warning))

    def accepted(self) -> frozenset[str]:
        self.asked_modes += 1
        return self.modes

    @property
    def mode(self) -> str:
        (only,) = self.ours
        return str(only["spec"]["updatePolicy"]["updateMode"])


class Looking:
    """A reconciler in such a cluster."""

    def __init__(self, counted: Counted, *objects: Raw, config: str = "{}") -> None:
        self.cluster = Cluster(list(objects))
        self.counted = counted
        self.reconciler = Reconciler(
            self.cluster,
            judge_of(config),
            self.cluster,  # type: ignore[arg-type]  # all that is asked of it
            self.cluster.write,
            self.cluster,
            counted.counters,
        )

    def look(self) -> Looked:
        before = self.counted.looks
        found = self.reconciler.look(LLAMA)
        assert before(found.result) >= 1
        return found


def test_makes_it_and_is_done(counted: Counted) -> None:
    looking = Looking(counted, workload())
    assert looking.look() == Looked("made")
    assert looking.cluster.told == [
        ("VPAMade", f"{OURS} made, mode Initial: sets cpu and memory", False)
    ]
    assert looking.look() == Looked("unchanged")
    assert len(looking.cluster.written) == len(looking.cluster.told) == 1
    assert counted.looks("made") == counted.looks("unchanged") == 1
    assert counted.value("reconcile_seconds_count") == 2


def test_follows_a_scaler(counted: Counted) -> None:
    looking = Looking(counted, workload())
    looking.look()
    looking.cluster.objects.append(hpa(metric("cpu")))
    assert looking.look() == Looked("changed")
    reason, message, _ = looking.cluster.told[-1]
    assert reason == "VPAChanged"
    why = "not cpu: HorizontalPodAutoscaler ml/llama scales on cpu"
    assert message == f"{OURS} changed, mode Initial: sets memory; {why}"
    assert looking.look() == Looked("unchanged")


def test_gives_way_to_somebodys_own(counted: Counted) -> None:
    looking = Looking(counted, workload())
    looking.look()
    looking.cluster.objects.append(vpa("own"))
    assert looking.look() == Looked("removed")
    assert looking.cluster.ours == []
    theirs = "VerticalPodAutoscaler ml/own is somebody's own"
    assert looking.cluster.told[1:] == [
        ("VPAWithheld", f"no VPA is made: {theirs}", False),
        ("VPARemoved", f"{OURS} removed: {theirs}", False),
    ]
    assert looking.look() == Looked("withheld")
    assert len(looking.cluster.told) == 3, "why is said once"
    looking.cluster.objects.pop()
    assert looking.look() == Looked("made")
    looking.cluster.objects.append(vpa("own"))
    looking.look()
    assert [one[0] for one in looking.cluster.told].count("VPAWithheld") == 2


def test_the_vpa_of_what_is_none_any_more_goes(counted: Counted) -> None:
    looking = Looking(counted, workload())
    looking.look()
    looking.cluster.is_there = False
    assert looking.look() == Looked("removed")
    assert isinstance(looking.cluster.written[-1], Remove)
    assert [one[0] for one in looking.cluster.told] == ["VPAMade"], "there is nothing to tell at"
    assert looking.look() == Looked("unchanged")


def test_what_is_forgotten_of_a_workload_that_goes(counted: Counted) -> None:
    looking = Looking(counted, workload(annotations={"scaleguard.io/vpa": "off"}))
    assert looking.look() == Looked("withheld")
    assert looking.reconciler.withheld.keys() == {LLAMA}
    looking.cluster.is_there = False
    looking.look()
    assert looking.reconciler.withheld == {}


def test_a_cluster_without_vpas_is_said_once_where_one_is_missing(counted: Counted) -> None:
    looking = Looking(counted, workload(annotations={"scaleguard.io/vpa": "in-place"}))
    looking.cluster.has_vpas = False
    for _ in range(2):
        assert looking.look() == Looked("absent")
    why = "no VPA is made: the cluster has no VerticalPodAutoscalers"
    assert looking.cluster.told == [("VPAWithheld", why, False)]
    assert looking.cluster.asked_modes == 0, "none could be tried"
    looking.cluster.has_vpas = True
    assert looking.look() == Looked("made")


@pytest.mark.parametrize(
    ("config", "others"),
    [
        ('{"vpa": {"enabled": false}}', []),
        (
            "{}",
            [
                {
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "metadata": {"name": "ml", "labels": {"scaleguard.io/ignore": "true"}},
                }
            ],
        ),
    ],
)
def test_who_wants_none_hears_nothing(counted: Counted, config: str, others: list[Raw]) -> None:
    looking = Looking(counted, workload(), *others, config=config)
    looking.cluster.has_vpas = False
    assert looking.look() == Looked("unchanged")
    assert looking.cluster.told == []


@pytest.mark.parametrize("mode", ["warn", "audit"])
def test_why_there_is_none_is_told_in_modes_that_are_noticed(counted: Counted, mode: str) -> None:
    looking = Looking(counted, workload(), vpa(), config=f'{{"mode": "{mode}"}}')
    assert looking.look() == Looked("withheld")
    assert bool(looking.cluster.told) is (mode == "warn")


@pytest.mark.parametrize("mode", ["warn", "audit"])
def test_a_mode_that_does_not_act_holds_back(counted: Counted, mode: str) -> None:
    looking = Looking(counted, workload(), config=f'{{"mode": "{mode}"}}')
    acts = looking.reconciler.judge.settings.mode.acts
    assert looking.look() == Looked("made" if acts else "held_back")
    assert bool(looking.cluster.written) is acts


@pytest.mark.parametrize(
    ("error", "result", "after"),
    [
        (ApiError(403, "Forbidden", "denied by a policy"), "refused", None),
        (ApiError(429, "TooManyRequests", "later", 7.0), "failed", 7.0),
        (ApiError(500, "InternalError", "etcd"), "failed", None),
    ],
)
def test_a_refusal_is_told_and_comes_again(
    counted: Counted, error: ApiError, result: str, after: float | None
) -> None:
    looking = Looking(counted, workload())
    looking.cluster.error = error
    assert looking.look() == Looked(result, after)
    assert looking.cluster.told == [("VPARefused", f"cannot make {OURS}: {error}", True)]
    looking.cluster.error = None
    assert looking.look() == Looked("made")


@pytest.mark.parametrize(
    ("objects", "deed"), [([hpa(metric("cpu"))], "change"), ([vpa("own")], "remove")]
)
def test_a_refusal_says_what_is_refused(counted: Counted, objects: list[Raw], deed: str) -> None:
    looking = Looking(counted, workload())
    looking.look()
    looking.cluster.objects += objects
    looking.cluster.error = ApiError(403, "Forbidden", "no")
    assert looking.look().result == "refused"
    assert looking.cluster.told[-1] == (
        "VPARefused",
        f"cannot {deed} {OURS}: Forbidden: no",
        True,
    )


def test_what_never_reached_the_server_is_nobodys_refusal(counted: Counted) -> None:
    looking = Looking(counted, workload())
    looking.cluster.error = ApiError(0, "NotLeader", "another replica writes now")
    assert looking.look() == Looked("failed")
    assert looking.cluster.told == []


def test_a_fault_of_our_own_is_counted_and_comes_again(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Any) -> World:
        raise KeyError("odd")

    looking = Looking(counted, workload())
    monkeypatch.setattr(Cluster, "world", fail)
    assert looking.look() == Looked("failed")
    assert counted.looks("failed") == 1


@pytest.mark.parametrize(
    ("wish", "takes", "mode", "asked"),
    [
        ("in-place", {"InPlace"}, "InPlace", 1),
        ("in-place", set(), "Initial", 1),
        ("in-place-or-recreate", {"InPlaceOrRecreate"}, "InPlaceOrRecreate", 1),
        ("in-place-or-recreate", set(), "Recreate", 1),
        ("recreate", {"InPlace"}, "Recreate", 0),
        ("initial", set(), "Initial", 0),
    ],
)
def test_a_mode_in_doubt_is_tried_where_somebody_wants_it(
    counted: Counted, wish: str, takes: set[str], mode: str, asked: int
) -> None:
    looking = Looking(counted, workload(annotations={"scaleguard.io/vpa": wish}))
    looking.cluster.modes = SURE | takes
    looking.look()
    assert looking.cluster.mode == mode
    assert looking.cluster.asked_modes == asked


def test_a_managed_one_under_another_name_goes_as_well(counted: Counted) -> None:
    looking = Looking(counted, workload())
    plan = judge_of("{}").plan(workload(), looking.cluster.world())
    assert isinstance(plan, Planned)
    other = {**plan.vpa, "metadata": {**plan.vpa["metadata"], "name": "old", "uid": "v-0"}}
    looking.cluster.ours = [other]
    assert looking.look() == Looked("made")
    assert [type(step) for step in looking.cluster.written] == [Apply, Remove]
    assert looking.look() == Looked("unchanged")
