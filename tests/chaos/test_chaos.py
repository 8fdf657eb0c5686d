"""Mixed load while one part after the other is killed, stopped, rotated and reloaded.

SCALEGUARD_CHAOS_SECONDS sets how long, SCALEGUARD_CHAOS_SEED which faults come when, and
SCALEGUARD_LOAD_RATE how many requests a second; `make chaos` does it for 20 minutes.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.memory import Memory
from tests.chaos.run import Run
from tests.chaos.schedule import schedule
from tests.chaos.stage import SHOPS, Stage
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import conflicts, judge, lasting_conflicts, lost, timeline, unexcused
from tests.e2e.chart import eventually
from tests.e2e.load import Load

pytestmark = [pytest.mark.controlplane, pytest.mark.postgres, pytest.mark.opa, pytest.mark.slow]

SECONDS = float(os.environ.get("SCALEGUARD_CHAOS_SECONDS", "30"))
SEED = int(os.environ.get("SCALEGUARD_CHAOS_SEED", "10"))
RATE = float(os.environ.get("SCALEGUARD_LOAD_RATE", "6"))
LOGS = os.environ.get("SCALEGUARD_CHAOS_LOGS")

MOST_MEBIBYTES_A_MINUTE = 0.5
LONG_LIFE_SECONDS = 300


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as running:
        try:
            yield running
        finally:
            if LOGS:
                running.keep_logs(Path(LOGS))


def test_it_survives(stage: Stage) -> None:
    traffic = Traffic(stage.plane, SHOPS)
    eventually(lambda: is_asked(stage, traffic), "the API server's first question", stage.said)
    traffic.seen.clear()
    memory = Memory(lambda: running(stage))
    let_in: set[frozenset[str]] = set()

    def note() -> None:
        memory.sample()
        if SECONDS > 120 and not run.windows.are_open():
            let_in.update(lasting_conflicts(stage.plane))

    begun = time.monotonic()
    with Run(stage, note, lambda line: print(line, flush=True)) as run:
        with Load(stage.plane, RATE, 0, traffic.senders()) as load:
            run.play(schedule(SECONDS, SEED), SECONDS)
        took = time.monotonic() - begun
        memory.sample()
        let_in.update(conflicts(stage.plane))

    judged = judge(traffic.seen, run.windows)
    guilty = unexcused(let_in, traffic.seen, run.windows)
    missing = lost(stage.database, traffic.told, 60)

    print(timeline(run.happened, traffic.seen, begun))
    print(f"seed {SEED}: {load}")
    print(
        f"{len(traffic.seen)} requests, {len(traffic.told)} refusals with a decision,"
        f" {len(missing)} of them not on record; nobody could judge for"
        f" {run.windows.seconds(begun + took):.0f} s of {took:.0f} s"
    )
    for (outcome, why), count in sorted(judged.excused.items()):
        print(f"  {count} {outcome}: {why}")
    print(f"  {len(judged.faults)} without an excuse")
    for one in judged.faults[:20]:
        at = f"{one.begun - begun:.1f} to {one.ended - begun:.1f} s"
        print(f"    {at}: {one.what}, {one.outcome}: {one.said[-150:]}")
    print(f"{len(let_in)} pairs in conflict, {len(guilty)} of them without an excuse")
    for pair, requests in guilty.items():
        print(f"    {pair}: {[(round(one.begun - begun, 1), one.outcome) for one in requests]}")
    for life in memory.longest():
        slope = life.slope()
        said = "too short for a slope" if slope is None else f"{slope:+.3f} MiB a minute"
        last = life.samples[-1].mebibytes
        print(f"memory of {life.name}: {last:.0f} MiB after {life.seconds:.0f} s, {said}")
        print("  MiB: " + " ".join(f"{each.mebibytes:.0f}" for each in life.samples[::4]))

    assert judged.faults == [], judged.faults[:5]
    if SECONDS > 120:
        assert run.windows.seconds(begun + took) < took / 2, "there is too little to be seen"
    assert guilty == {}
    assert len(traffic.told) > SECONDS / 2
    assert missing == set()
    steep = {
        life.name: slope
        for life in memory.longest()
        if life.seconds > LONG_LIFE_SECONDS
        and (slope := life.slope()) is not None
        and slope > MOST_MEBIBYTES_A_MINUTE
    }
    assert steep == {}


def is_asked(stage: Stage, traffic: Traffic) -> bool:
    """Whether the API server knows all configurations, and each sender gets what it expects."""
    traffic.seen.clear()
    with Load(stage.plane, RATE, 1.5, traffic.senders()):
        pass
    return all(one.outcome == "right" for one in traffic.seen)


def running(stage: Stage) -> dict[str, int]:
    """What of ours runs now, with its process."""
    found = {f"webhook {pod.folder.name}": pod.child for pod in stage.pods}
    found["controller"] = stage.controller.child
    alive = {name: child.pid for name, child in found.items() if child.exit_code() is None}
    assert stage.audit.process is not None
    return {**alive, "audit": stage.audit.process.pid}
