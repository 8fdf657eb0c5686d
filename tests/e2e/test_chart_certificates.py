"""Certificates of cert-manager and of somebody else, in the chart, before a real API server."""

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from certs.authority import LEAF_LIFE, Names, issue_leaf, make_authority
from certs.inspection import inspect
from certs.pair import Pair
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e.chart import (
    CHART,
    CONFIGURATIONS,
    NAMESPACE,
    RELEASE,
    Controller,
    Helm,
    Webhook,
    ca_bundles,
    eventually,
    lead_here,
    paths,
    plane_for_charts,
)
from tests.e2e.manifests import hpa, stream, vpa
from webhook.cluster.api import connect
from webhook.controller.certificate_counters import CertificateCounters
from webhook.controller.certificates import Certificates, Keeping

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

HOST = f"{RELEASE}.{NAMESPACE}.svc"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with plane_for_charts() as running:
        running.kubectl("create", "namespace", "shop")
        yield running


@pytest.fixture
def helm(plane: ControlPlane, tmp_path: Path) -> Helm:
    return Helm(tmp_path, plane.kubeconfig)


@pytest.fixture
def authority() -> Pair:
    return make_authority(datetime.now(UTC))


def fill(plane: ControlPlane, name: str, authority: Pair) -> Pair:
    """Put a leaf of this authority into a Secret, as cert-manager or somebody else does."""
    leaf = issue_leaf(authority, Names.of([HOST]), datetime.now(UTC))
    held = {"ca.crt": authority.certificate, "tls.crt": leaf.certificate, "tls.key": leaf.key}
    raw = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": {key: base64.b64encode(value).decode() for key, value in held.items()},
    }
    plane.kubectl("apply", "-f", "-", input=json.dumps(raw))
    return leaf


def inject(plane: ControlPlane, authority: Pair) -> None:
    """Do what cert-manager's cainjector does where an annotation says so."""
    found = json.loads(plane.kubectl("get", CONFIGURATIONS, RELEASE, "-o", "json").stdout)
    wanted = base64.b64encode(authority.certificate).decode()
    for raw in found["items"]:
        source = raw["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
        assert source == f"{NAMESPACE}/{RELEASE}-issued"
        plane.kubectl("get", "certificate", "-n", NAMESPACE, source.partition("/")[2])
        entries = [
            {"name": one["name"], "clientConfig": {"caBundle": wanted}} for one in raw["webhooks"]
        ]
        patch = json.dumps({"webhooks": entries})
        plane.kubectl("patch", raw["kind"].lower(), RELEASE, "--patch", patch)


@contextmanager
def running(
    plane: ControlPlane, helm: Helm, folder: Path, *values: str
) -> Iterator[tuple[Controller, int]]:
    """The chart with some values, and its controller; the port is where a webhook is asked."""
    port = free_ports(1)[0]
    helm.install("--set", ",".join((*values, f"service.port={port}")))
    lead_here(plane)
    with Controller(plane, folder, free_ports(1)[0]) as controller:
        yield controller, port
    helm.uninstall()
    plane.kubectl("-n", NAMESPACE, "delete", "service", RELEASE, "--ignore-not-found")


def conflict_is_refused(plane: ControlPlane) -> bool:
    objects = stream(hpa("web", "web", namespace="shop"), vpa("web", "web", namespace="shop"))
    done = plane.kubectl("apply", "-f", "-", input=objects, check=False)
    plane.kubectl("-n", "shop", "delete", "hpa,vpa", "--all")
    return "denied the request: [hpa-vpa-same-metric]" in done.stderr


def served(webhook: Webhook) -> bytes:
    return ssl.get_server_certificate(("127.0.0.1", webhook.port)).encode()


def test_certificates_of_cert_manager_are_served(
    plane: ControlPlane, helm: Helm, tmp_path: Path, authority: Pair
) -> None:
    with running(plane, helm, tmp_path, "certificates.source=certManager") as (controller, port):
        made = plane.kubectl("-n", NAMESPACE, "get", "certificates,issuers", "-o", "json").stdout
        specs: dict[str, Any] = {
            f"{one['kind']}/{one['metadata']['name']}": one["spec"]
            for one in json.loads(made)["items"]
        }
        leaf_of = specs[f"Certificate/{RELEASE}-issued"]
        assert leaf_of["dnsNames"] == [HOST]
        # The chain of authority: self-signed, of this release alone.
        issuer = specs[f"Issuer/{leaf_of['issuerRef']['name']}"]
        above = specs[f"Certificate/{issuer['ca']['secretName']}"]
        assert above["isCA"]
        # A renewed authority is good for the leaves of before: nobody waits for each other here.
        assert above["privateKey"]["rotationPolicy"] == "Never"
        assert specs[f"Issuer/{above['issuerRef']['name']}"] == {"selfSigned": {}}
        first = fill(plane, leaf_of["secretName"], authority)
        inject(plane, authority)
        with Webhook(plane, tmp_path, port, "") as webhook:
            assert served(webhook) == first.certificate
            eventually(lambda: conflict_is_refused(plane), "judging", webhook.child.tail)
            renewed = fill(plane, leaf_of["secretName"], authority)
            eventually(lambda: served(webhook) == renewed.certificate, "the next one")
            assert conflict_is_refused(plane)
            assert webhook.status() == 200
        # The controller has left alone what cert-manager keeps, and may not even see it.
        bundle = base64.b64encode(authority.certificate).decode()
        assert ca_bundles(plane) == {bundle}
        account = tmp_path / "controller.kubeconfig"
        for name in (leaf_of["secretName"], issuer["ca"]["secretName"]):
            get = ("-n", NAMESPACE, "get", "secret", name)
            done = plane.kubectl(*get, kubeconfig=account, check=False)
            assert "is forbidden" in done.stderr
        assert "cannot be seen to" not in controller.child.tail()
    plane.kubectl("-n", NAMESPACE, "delete", "secret", leaf_of["secretName"])


def test_the_source_is_changed_and_changed_back(
    plane: ControlPlane, helm: Helm, authority: Pair
) -> None:
    helm.install("--set", "certificates.source=certManager")
    query = ("-o", "jsonpath={.items[*].spec.secretName}")
    made = plane.kubectl("-n", NAMESPACE, "get", "certificates", *query).stdout.split()
    assert len(made) == 2
    for name in made:
        fill(plane, name, authority)
    for source in ("own", "certManager", "own"):
        helm.upgrade("--set", f"certificates.source={source}")
        found = plane.kubectl("-n", NAMESPACE, "get", CONFIGURATIONS, RELEASE, "-o", "json").stdout
        assert ("inject-ca-from" in found) == (source == "certManager")
    helm.uninstall()
    plane.kubectl("-n", NAMESPACE, "delete", "secret", *made)


def test_the_name_of_an_authority_is_one_that_a_certificate_takes(tmp_path: Path) -> None:
    longest = f"fullnameOverride={'s' * 48}"
    shown = ("--show-only", "templates/certificate-authority.yaml")
    values = ("--set", f"certificates.source=certManager,{longest}")
    made = yaml.safe_load(Helm(tmp_path)("template", RELEASE, str(CHART), *shown, *values))
    assert len(made["spec"]["commonName"]) <= 64


@pytest.mark.parametrize("wrong", [timedelta(days=1), -timedelta(days=1)])
def test_a_controller_whose_clock_is_a_day_off_makes_what_the_api_server_takes(
    wrong: timedelta, plane: ControlPlane, helm: Helm, caplog: pytest.LogCaptureFixture
) -> None:
    helm.install()
    keeping = Keeping(
        namespace=NAMESPACE,
        name=RELEASE,
        configurations=(RELEASE,),
        names=Names.of([HOST]),
    )
    counters = CertificateCounters(CollectorRegistry())
    api = connect(plane.kubeconfig)
    off = Certificates(api, keeping, lambda: True, counters, lambda: datetime.now(UTC) + wrong)
    assert off.attempt()
    api.close()
    assert "one of the two is to be set right" in caplog.text
    found = plane.kubectl("-n", NAMESPACE, "get", "secret", f"{RELEASE}-certificate", "-o", "json")
    leaf = inspect(base64.b64decode(json.loads(found.stdout)["data"]["tls.crt"]))
    now = datetime.now(UTC)
    assert leaf.not_before < now < leaf.not_after
    assert abs(leaf.not_after - now - LEAF_LIFE) < timedelta(minutes=1)
    helm.uninstall()


def test_a_certificate_of_ones_own_is_served_and_its_authority_told(
    plane: ControlPlane, helm: Helm, tmp_path: Path, authority: Pair
) -> None:
    leaf = fill(plane, "webhook-tls", authority)
    published = tmp_path / "ca.crt"
    published.write_bytes(authority.certificate)  # which the chart mounts
    values = ("certificates.source=secret", "certificates.secretName=webhook-tls")
    port = free_ports(1)[0]
    more = f"controller.enabled=false,service.port={port}"
    helm.install("--set", ",".join((*values, more)))
    lead_here(plane)
    own = {"published-ca": str(published)}
    with Controller(plane, tmp_path, free_ports(1)[0], own) as controller:
        assert "--only-certificates" in controller.arguments
        with Webhook(plane, tmp_path, port, "") as webhook:
            assert served(webhook) == leaf.certificate
            assert ca_bundles(plane) == {base64.b64encode(authority.certificate).decode()}
            asked = paths(plane)
            assert asked == {f"/{webhook.segment()}/{one}" for one in ("mutate", "validate")}
            eventually(lambda: conflict_is_refused(plane), "judging", webhook.child.tail)
        # It follows nothing, and may not.
        account = tmp_path / "controller.kubeconfig"
        for what in (["get", "hpa", "-A"], ["-n", NAMESPACE, "get", "secret", "webhook-tls"]):
            done = plane.kubectl(*what, kubeconfig=account, check=False)
            assert "is forbidden" in done.stderr, what
        assert "forbidden" not in controller.child.tail().lower()
    helm.uninstall()
