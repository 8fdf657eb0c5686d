"""Two conflicting autoscalers at the same moment, at two replicas, before a real API server.

SCALEGUARD_CONSISTENCY_ROUNDS sets how many rounds are played; `make consistency` plays 500.
"""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.manifests import hpa, vpa
from tests.e2e.patient_client import PatientClient
from tests.e2e.replicas import Replicas
from tests.e2e.rounds import ADMITTED_OF_FREE, CONFLICTS, Rounds, Tally, mixed

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

ROUNDS = int(os.environ.get("SCALEGUARD_CONSISTENCY_ROUNDS", "64"))

DELAY_SECONDS = 0.3
"""From when a replica has let an object in to when it is stored, where that is made slow."""


@pytest.fixture
def client(plane: ControlPlane) -> Iterator[PatientClient]:
    with closing(PatientClient(plane)) as made:
        yield made


@pytest.fixture
def replicas(plane: ControlPlane, tmp_path: Path) -> Iterator[Replicas]:
    with Replicas(plane, tmp_path) as running:
        yield running


def settled(tally: Tally, conflicts: int) -> None:
    """Never both, one of them in 99 of 100, and nobody refused who does not conflict."""
    print(tally)
    assert tally.faults == [], tally.faults
    assert tally.of_conflicts(2) == 0, tally
    assert tally.of_conflicts(1) >= 0.99 * conflicts, tally
    others = {name for name in tally.rounds if name.partition(":")[0] not in CONFLICTS}
    assert others <= ADMITTED_OF_FREE, tally


def test_of_two_at_the_same_moment_one_is_let_in(
    replicas: Replicas, client: PatientClient, namespace: str
) -> None:
    tally = Rounds(client, namespace).play(mixed(ROUNDS))
    settled(tally, ROUNDS)
    assert min(replicas.shares()) > ROUNDS / 4, "both replicas must have been asked"
    assert replicas.count("scaleguard_cannot_judge_total", endpoint="validate") == 0


def test_so_it_is_where_storing_takes_long(
    plane: ControlPlane, client: PatientClient, namespace: str, tmp_path: Path
) -> None:
    rounds = ROUNDS // 2
    with Replicas(plane, tmp_path, delay_seconds=DELAY_SECONDS):
        settled(Rounds(client, namespace).play(mixed(rounds)), rounds)


def test_by_the_watches_alone_both_pass(
    plane: ControlPlane, client: PatientClient, namespace: str, tmp_path: Path
) -> None:
    """What the tests above would show if nothing settled it."""
    with Replicas(plane, tmp_path, delay_seconds=DELAY_SECONDS, consistency="cached"):
        tally = Rounds(client, namespace).play(iter(CONFLICTS.items()))
    assert tally.faults == [], tally.faults
    assert tally.of_conflicts(2) > 0, tally


@pytest.mark.usefixtures("replicas")
def test_one_after_the_other_without_a_pause(client: PatientClient, namespace: str) -> None:
    """A create, one that conflicts, a delete, the other one again: each answer is right."""
    rounds = Rounds(client, namespace)
    asked = 4 * max(ROUNDS // 2, 1)
    right, begun = 0, time.monotonic()
    for number in range(asked // 4):
        name = f"w{number}"
        first, second = hpa(f"{name}-h", name), vpa(f"{name}-v", name)
        if number % 2:
            first, second = second, first
        right += rounds.create(first).is_done
        right += rounds.create(second).is_denied
        rounds.delete(first)
        right += rounds.create(second).is_done
        right += rounds.create(first).is_denied
    print(f"{right} of {asked} right, in {time.monotonic() - begun:.1f} s")
    assert right == asked
