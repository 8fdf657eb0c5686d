"""helm upgrade and helm rollback under load: no review fails, and no record is lost.

There is no release yet to come from: the one before is the tree's own chart without what a newer
one brings. Its pods are replaced as the Deployments would have it, each with the arguments of its
release; what is refused meanwhile is asked for at the audit, by its decision.
"""

import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import NAMESPACE, RELEASE, plane_for_charts
from tests.e2e.chart_audit import AUDIENCE
from tests.e2e.kubectl import token
from tests.e2e.load import Load, Send, failed_calls, prepare, said_of_failures, senders
from tests.e2e.manifests import hpa
from tests.e2e.patient_client import PatientClient, Said
from tests.e2e.refusals import DECISION
from tests.e2e.release import Release
from tests.e2e.webhook_process import wait_until
from webhook.cluster.resources import HPAS

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

RATE = 6.0
SHOP = "shop"


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Release]:
    with plane_for_charts() as plane:
        plane.kubectl("create", "namespace", SHOP)
        prepare(plane, SHOP)
        with Release(plane, tmp_path) as running:
            yield running


def test_no_review_fails_and_no_record_is_lost(release: Release) -> None:
    plane = release.plane
    told: list[str] = []

    def refused(client: PatientClient, number: int) -> Said:
        """Not a dry run: it is recorded."""
        raw = hpa(f"refused-{number % 40}", "web", resource="memory", namespace=SHOP)
        said = client.create(HPAS.path(SHOP), raw)
        if found := DECISION.search(said.body.get("message", "")):
            told.append(found[1])
        return said

    sent = [*senders(SHOP)[:2], refused]
    wait_until(lambda: _is_asked(plane, sent), what="the API server does not ask")
    before = failed_calls(plane)
    with Load(plane, RATE, 0, sent) as load:
        assert all("--threads=4" in one for one in release.arguments())
        assert "scaleguard" not in plane.kubectl("get", "flowschemas", "-o", "name").stdout
        release.upgrade()
        assert all("--threads=6" in one for one in release.arguments())
        assert "scaleguard" in plane.kubectl("get", "flowschemas", "-o", "name").stdout
        release.roll_back()
        assert all("--threads=4" in one for one in release.arguments())
    print(f"upgrade and rollback: {load}")
    assert load.failed == [], release.webhook.log()
    assert failed_calls(plane) - before == {}, said_of_failures(plane)
    assert release.webhook.exits == [0] * 4
    assert len(told) >= load.denied > 20
    assert _lost(release, told) == []


def _is_asked(plane: ControlPlane, sent: Sequence[Send]) -> bool:
    with Load(plane, RATE, 2, sent) as load:
        pass
    return load.denied > 0 and not load.failed


def _lost(release: Release, told: list[str]) -> list[str]:
    """The decisions that the audit does not know, once everything was delivered."""
    release.plane.kubectl("-n", NAMESPACE, "create", "serviceaccount", "reader")
    role = ("--clusterrole", f"{RELEASE}-findings", "--serviceaccount", f"{NAMESPACE}:reader")
    release.plane.kubectl("create", "clusterrolebinding", "reader", *role)
    reader = token(release.plane, "reader", NAMESPACE, AUDIENCE)

    def lost() -> list[str]:
        ask = release.audit.ask
        return [
            one for one in told if ask("GET", f"/v1/decisions/{one}", reader)[0] != HTTPStatus.OK
        ]

    deadline = time.monotonic() + 30
    while (missing := lost()) and time.monotonic() < deadline:
        time.sleep(1)
    return missing
