"""Authority, leaf and path are renewed again and again while reviews are asked for: none fails.

The chart before a real API server: the controller keeps certificates, two webhooks serve what a
kubelet hands on. SCALEGUARD_ROTATION_SECONDS and SCALEGUARD_LOAD_RATE set how long and how much is
asked; `make rotation` does it for two minutes with 100 GPU pods a second, each of which is asked
about twice.
"""

import base64
import json
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from certs.authority import LEAF_LIFE, Names, issue_leaf, make_authority
from certs.pair import Pair
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e.balancer import Balancer
from tests.e2e.chart import (
    NAMESPACE,
    RELEASE,
    Controller,
    Helm,
    Webhook,
    eventually,
    lead_here,
    plane_for_charts,
)
from tests.e2e.load import Load, failed_calls, prepare, senders
from tests.e2e.patient_client import PatientClient
from tests.e2e.steady_load import SteadyLoad

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

SECONDS = float(os.environ.get("SCALEGUARD_ROTATION_SECONDS", "14"))
RATE = float(os.environ.get("SCALEGUARD_LOAD_RATE", "12"))
SHOP = "shop"

# The mounts of the tests are looked after three times a second, those of a kubelet once a minute,
# and a webhook looks at its mount once a second. The API server's clock, by which the overlap is
# counted, has whole seconds; under load all of it comes later.
IS_LONG = SECONDS > 60
OVERLAP_SECONDS = 5 if IS_LONG else 1


class Release(NamedTuple):
    """The chart, its controller and its webhooks behind one address."""

    plane: ControlPlane
    controller: Controller
    webhooks: list[Webhook]
    client: PatientClient
    """For what is asked again and again: each kubectl takes a sixth of a second of a processor."""

    def secret(self, what: str) -> dict[str, bytes]:
        found = self.client.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{RELEASE}-{what}")
        return {key: base64.b64decode(value) for key, value in found.body.get("data", {}).items()}

    def served(self) -> tuple[str, ...]:
        """What a rotation makes anew: authority, leaf and path."""
        held = self.secret("certificate") | self.secret("path")
        return tuple(str(held.get(key)) for key in ("ca.crt", "tls.crt", "path"))

    def asked(self) -> list[dict[str, Any]]:
        """Where the API server asks, by each webhook of the two configurations."""
        made = "/apis/admissionregistration.k8s.io/v1"
        found = [
            self.client.get(f"{made}/{kind}webhookconfigurations/{RELEASE}").body
            for kind in ("validating", "mutating")
        ]
        return [webhook["clientConfig"] for one in found for webhook in one["webhooks"]]

    def fill(self, what: str, data: dict[str, bytes]) -> None:
        written = {key: base64.b64encode(value).decode() for key, value in data.items()}
        patch = json.dumps([{"op": "add", "path": "/data", "value": written}])
        name = f"{RELEASE}-{what}"
        self.plane.kubectl("-n", NAMESPACE, "patch", "secret", name, "--type=json", "-p", patch)

    def ask(self, what: str) -> None:
        self.plane.kubectl(
            *("-n", NAMESPACE, "annotate", "--overwrite", "secret", f"{RELEASE}-authority"),
            f"scaleguard.io/rotate={what}",
        )

    def rotate(self, what: str) -> None:
        """Have it made anew, and wait for the end: under load the beginning takes a while, too."""
        before = self.served()
        self.ask(what)
        eventually(lambda: self.served() != before, "its beginning", self.said)
        eventually(self.is_settled, "a rotation", self.said)

    def is_settled(self) -> bool:
        """Whether nothing is on its way, and all is as it has to be everywhere."""
        authority, leaf, path = map(self.secret, ("authority", "certificate", "path"))
        moving = {"next.crt", "before.crt", "next", "before"}
        if moving & (authority.keys() | path.keys()) or not (authority and leaf and path):
            return False
        bundle, segment = authority["ca.crt"], path["path"].decode()
        asked = self.asked()
        served = {ssl.get_server_certificate(("127.0.0.1", one.port)) for one in self.webhooks}
        return (
            leaf["ca.crt"] == bundle
            and {one.get("caBundle") for one in asked} == {base64.b64encode(bundle).decode()}
            and {one["service"].get("path") for one in asked}
            == {f"/{segment}/mutate", f"/{segment}/validate"}
            and served == {leaf["tls.crt"].decode()}
            and {one.segment() for one in self.webhooks} == {segment}
            and all(one.status() == 200 for one in self.webhooks)
        )

    def said(self) -> str:
        return "\n".join(one.child.tail() for one in (self.controller, *self.webhooks))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    folder = tmp_path_factory.mktemp("rotation")
    with ExitStack() as stack:
        plane = stack.enter_context(plane_for_charts())
        service = stack.enter_context(Balancer())
        values = {
            "service.port": service.port,
            "certificates.overlapSeconds": OVERLAP_SECONDS,
            # Who fails is told; what is Ignore shows in the API server's count.
            "webhooks.autoscalers.failurePolicy": "Fail",
        }
        chosen = ",".join(f"{name}={value}" for name, value in values.items())
        notes = Helm(folder, plane.kubeconfig).install("--set", chosen)
        lead_here(plane)
        controller = Controller(plane, folder, free_ports(1)[0])
        webhooks = [Webhook(plane, made(folder / name), free_ports(1)[0], notes) for name in "ab"]
        client = PatientClient(plane)
        stack.callback(client.close)
        made_release = Release(plane, stack.enter_context(controller), webhooks, client)
        for one in webhooks:
            stack.enter_context(one)
        service.backends = tuple(one.port for one in webhooks)
        plane.kubectl("create", "namespace", SHOP)
        prepare(plane, SHOP)
        eventually(lambda: is_asked(plane), "the API server's first question", made_release.said)
        yield made_release


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def is_asked(plane: ControlPlane) -> bool:
    with Load(plane, RATE, 2, senders(SHOP)) as load:
        pass
    return load.denied > 0 and not load.failed


def test_no_review_fails_while_everything_is_renewed(release: Release, tmp_path: Path) -> None:
    plane = release.plane
    before, seen = failed_calls(plane), set[tuple[str, ...]]()
    sent = (
        SteadyLoad(plane, RATE, SECONDS, SHOP, tmp_path)
        if IS_LONG
        else Load(plane, RATE, SECONDS, senders(SHOP))
    )
    with sent as load:
        begun = time.monotonic()
        asked = 0
        while time.monotonic() < begun + SECONDS:
            release.rotate("authority" if asked % 2 == 0 else "leaf")
            asked += 1
            seen.add(release.served())
    print(f"\n{load}; {asked} rotations")
    assert load.failed == []
    assert failed_calls(plane) == before
    assert isinstance(load, SteadyLoad) or load.denied > 0
    assert len(seen) == asked >= 2, "each made other ones"


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("authority", {}),
        ("certificate", {"ca.crt": b"!", "tls.crt": b"no PEM"}),
        ("path", {"path": b"/"}),
    ],
)
def test_no_review_fails_where_a_secret_is_emptied_or_broken(
    what: str, data: dict[str, bytes], release: Release
) -> None:
    plane = release.plane
    before = failed_calls(plane)
    with Load(plane, RATE, 3, senders(SHOP)) as load:
        release.fill(what, data)
        eventually(release.is_settled, "mending", release.said)
    assert load.failed == []
    assert failed_calls(plane) == before


def test_an_expired_leaf_at_the_start_is_served_said_and_replaced(
    release: Release, tmp_path: Path
) -> None:
    """The controller is away: a webhook that starts now has nothing better."""
    plane = release.plane
    release.controller.__exit__()
    authority = release.secret("authority")
    signer = Pair(authority["ca.crt"], authority["ca.key"])
    long_ago = datetime.now(UTC) - LEAF_LIFE - timedelta(days=1)
    late = issue_leaf(signer, Names.of([f"{RELEASE}.{NAMESPACE}.svc"]), long_ago)
    held = release.secret("certificate")
    release.fill(
        "certificate",
        {"ca.crt": held["ca.crt"], "tls.crt": late.certificate, "tls.key": late.key},
    )
    third = Webhook(plane, tmp_path, free_ports(1)[0], "")
    assert third.mount is not None
    with third.mount:
        third.child.start()
        eventually(lambda: third.status() == 503, "an answer", third.child.tail)
        assert "the certificate expired at" in str(third.reasons())
        again = Controller(plane, release.controller.folder, release.controller.port)
        with again:
            eventually(lambda: third.status() == 200, "another leaf", third.child.tail)
            eventually(release.is_settled, "all others", again.child.tail)
        third.child.terminate()
        third.child.reap(time.monotonic() + 15)


def test_what_cannot_be_served_ends_the_start_with_the_reason(
    release: Release, tmp_path: Path
) -> None:
    held = release.secret("certificate")
    other = issue_leaf(make_authority(datetime.now(UTC)), Names.of(["x"]), datetime.now(UTC))
    release.fill("certificate", {**held, "tls.key": other.key})
    third = Webhook(release.plane, tmp_path, free_ports(1)[0], "")
    assert third.mount is not None
    with third.mount:
        third.child.start()
        eventually(lambda: third.child.exit_code() is not None, "its end", third.child.tail)
    assert third.child.exit_code() == 2
    assert "tls.key does not belong to tls.crt; somebody else writes it" in third.child.tail()
    assert "filled by the controller, see its log" in third.child.tail()
