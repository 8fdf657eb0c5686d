"""Everything that is refused is found by its decision, whatever dies meanwhile: the whole path.

A real API server, two webhook processes, a controller, the audit and PostgreSQL.
SCALEGUARD_REFUSALS sets how many requests are refused in each of four parts; `make nothing-lost`
refuses 5,000 in each, with outages of a minute.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audited import Audited, audited
from tests.e2e.refusals import AT_ONCE, Refused, Told, prepare
from tests.e2e.webhook_process import wait_until

pytestmark = [pytest.mark.controlplane, pytest.mark.postgres, pytest.mark.slow]

WANTED = int(os.environ.get("SCALEGUARD_REFUSALS", "100"))
OUTAGE_SECONDS = 60.0 if WANTED >= 5000 else 6.0


@pytest.fixture
def path(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Audited]:
    with audited(plane, tmp_path) as running:
        prepare(plane, namespace)
        yield running


def _audit_is_away(path: Audited) -> None:
    path.audit.kill()
    time.sleep(OUTAGE_SECONDS)
    path.audit.__enter__()
    path.audit.wait_until_ready()


def _postgres_is_away(path: Audited) -> None:
    path.postgres.stop()
    time.sleep(OUTAGE_SECONDS)
    path.postgres.start()


def _a_webhook_is_killed(path: Audited) -> None:
    one = path.replicas.processes[0]
    one.kill()
    time.sleep(OUTAGE_SECONDS / 3)
    one.__enter__()
    one.wait_until_ready()


def test_every_refusal_is_found_by_its_decision(
    path: Audited, plane: ControlPlane, namespace: str
) -> None:
    outages: tuple[Callable[[Audited], None], ...] = (
        lambda _: None,
        _audit_is_away,
        _postgres_is_away,
        _a_webhook_is_killed,
    )
    begun = time.monotonic()
    with Refused(plane, namespace) as refused:
        for number, happens in enumerate(outages, start=1):
            happens(path)
            wait_until(
                lambda least=number * WANTED: len(refused.told) >= least,  # type: ignore[misc]
                600,
                f"too slow: {len(refused.told)} of {number * WANTED}\n{path.replicas.log()}",
            )
    told = refused.told
    took = time.monotonic() - begun
    assert refused.wrong == [], refused.wrong[:3]
    assert {one.kind for one in told} == {
        *("HorizontalPodAutoscaler", "VerticalPodAutoscaler", "ScaledObject", "Pod")
    }
    assert len({one.decision for one in told}) == len(told) >= WANTED * len(outages)

    lost = _lost(path, told)
    kinds = Counter(one.kind for one in told)
    print(f"{len(told)} refused in {took:.0f} s: {dict(kinds)}")
    print(f"{refused.unanswered} got no answer; {len(lost)} are not found by their decision")
    assert lost == []
    _none_twice(path, told)


def _lost(path: Audited, told: list[Told]) -> list[Told]:
    """What is not found, or as something else, when everything was delivered."""
    known = {one.decision for one in told}

    def delivered() -> bool:
        with psycopg.connect(path.database) as connection:
            kept = connection.execute("SELECT decision FROM decisions").fetchall()
        return known <= {decision for (decision,) in kept}

    with suppress(AssertionError):
        wait_until(delivered, 120)
    with ThreadPoolExecutor(4) as pool:
        return [one for one, found in zip(told, pool.map(path.has, told), strict=True) if not found]


def _none_twice(path: Audited, told: list[Told]) -> None:
    """Each decision stands once at each of its findings, and counts once there."""
    with psycopg.connect(path.database) as connection:
        rows = connection.execute(
            "SELECT decision, count(*), count(DISTINCT rule) FROM decisions"
            " JOIN findings ON findings.id = finding WHERE kind != 'scan' GROUP BY decision"
        ).fetchall()
        counted = connection.execute(
            "SELECT sum(count), count(*) FROM findings WHERE kind != 'scan'"
        ).fetchone()
    known = {one.decision for one in told}
    kept = {decision for decision, _, _ in rows}
    assert known <= kept
    # Beside them is only what a killed webhook had recorded, and could answer to nobody: whoever
    # waited for it had an error, or asked again.
    assert len(kept - known) <= AT_ONCE, (len(kept), len(known))
    assert [row for row in rows if row[1] != row[2]] == []
    assert counted is not None
    assert counted[0] == sum(count for _, count, _ in rows)
    assert counted[1] < len(known), "repeats are one row"
