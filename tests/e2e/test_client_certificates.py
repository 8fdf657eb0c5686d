"""Client certificates: an API server with the files of the page, the webhook as in the chart."""

import json
import ssl
import time
from collections.abc import Iterator
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.pki import Authority, KeyPair
from tests.controlplane.process import free_ports
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
from tests.e2e.manifests import hpa
from tests.e2e.mount import Mount
from tests.unit.docs.pages import DOCS, blocks

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

NAME = "kube-apiserver-webhooks"
OURS, OTHERS = Authority("webhook clients"), Authority("others")
API_SERVER = OURS.issue(NAME)

# Where the page has these files, and for which release.
PLACE, SERVICE = "/etc/kubernetes/webhooks/", "scaleguard.scaleguard.svc"
VALUES = "webhooks.autoscalers.failurePolicy=Fail,clientCertificates.secret=webhook-clients"

Raw = dict[str, Any]

hpa_in_shop = partial(hpa, namespace="shop")


class Asked(Webhook):
    """The webhook with the authorities of its clients mounted, too."""

    def __init__(self, plane: ControlPlane, folder: Path, port: int) -> None:
        super().__init__(plane, folder, port, "")
        pod = self._get("deployment", RELEASE)["spec"]["template"]["spec"]
        (mounted,) = (one for one in pod["containers"][0]["volumeMounts"] if "clients" in str(one))
        (volume,) = (one for one in pod["volumes"] if one["name"] == mounted["name"])
        self.clients = Mount(plane, NAMESPACE, volume, folder / "clients")
        here = str(self.clients.folder)
        self.child.command = [one.replace(mounted["mountPath"], here) for one in self.child.command]


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def plane(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server with the files of the page."""
    folder = tmp_path_factory.mktemp("webhooks")
    for block in blocks(DOCS / "install.md"):
        for name in block.get("file"):
            if name.startswith("webhooks/"):
                text = block.text.replace(PLACE, f"{folder}/")
                text = text.replace(SERVICE, f"{RELEASE}.{NAMESPACE}.svc:{port}")
                (folder / Path(name).name).write_text(text, "utf-8")
    API_SERVER.write(folder, "scaleguard")
    with plane_for_charts(f"--admission-control-config-file={folder}/admission.yaml") as running:
        yield running


@pytest.fixture(scope="module")
def webhook(
    plane: ControlPlane, port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("webhook")
    trust(plane, OURS)
    helm = Helm(folder, plane.kubeconfig)
    names = f"clientCertificates.names={{{NAME}}}"
    helm.install("--set", f"service.port={port},{VALUES},{names}")
    lead_here(plane)
    plane.kubectl("create", "namespace", "shop")
    with Controller(plane, folder, free_ports(1)[0]):
        running = Asked(plane, folder, port)
        with running.clients, running:
            yield running


def trust(plane: ControlPlane, *authorities: Authority) -> None:
    """Have the webhook trust these and no others."""
    bundle = "".join(one.pair.certificate.decode() for one in authorities)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "webhook-clients"},
        "stringData": {"ca.crt": bundle},
    }
    plane.kubectl("-n", NAMESPACE, "apply", "-f", "-", input=json.dumps(secret))


def tried(plane: ControlPlane, raw: Raw) -> str:
    """What the API server says of an object, by dry run."""
    arguments = ("-n", "shop", "create", "--dry-run=server", "-f", "-")
    done = plane.kubectl(*arguments, input=json.dumps(raw), check=False)
    return done.stdout + done.stderr


def ask(
    webhook: Asked, folder: Path, method: str, path: str, shown: KeyPair | None
) -> tuple[int, Raw]:
    """Ask as curl would, past the API server; raises `OSError` where there is no answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if shown is not None:
        context.load_cert_chain(*shown.write(folder, "shown"))
    connection = HTTPSConnection("127.0.0.1", webhook.port, timeout=5, context=context)
    try:
        body = "{}" if method == "POST" else None
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def counted(webhook: Asked, reason: str) -> float:
    return webhook.metric(f'scaleguard_wrong_callers_total{{reason="{reason}"}}')


def test_an_api_server_that_shows_its_certificate_is_answered(
    plane: ControlPlane, webhook: Asked
) -> None:
    assert f"--client-name={NAME}" in webhook.arguments
    eventually(
        lambda: "created" in tried(plane, hpa_in_shop("web", "web")), "a review", webhook.child.tail
    )
    plane.kubectl("-n", "shop", "create", "-f", "-", input=json.dumps(hpa_in_shop("web", "web")))
    eventually(
        lambda: "[duplicate-hpa]" in tried(plane, hpa_in_shop("other", "web")),
        "a denial",
        webhook.child.tail,
    )
    assert counted(webhook, "none") == counted(webhook, "name") == 0


def test_nobody_else_is_answered_but_at_the_paths_of_probes(webhook: Asked, tmp_path: Path) -> None:
    path = f"/{webhook.segment()}/validate"
    somebody = OURS.issue("system:admin", groups=["system:masters"])
    for method in ("POST", "GET"):
        status, body = ask(webhook, tmp_path, method, path, None)
        assert (status, body["error"]) == (401, "no client certificate was shown")
        status, body = ask(webhook, tmp_path, method, path, somebody)
        assert (status, body["error"][:41]) == (403, "the client certificate is of 'system:admi")
    for foreign in (OTHERS.issue(NAME), OURS.issue(NAME, hosts=["localhost"])):
        with pytest.raises(OSError, match=r"alert|reset|closed|EOF"):
            ask(webhook, tmp_path, "POST", path, foreign)
    assert ask(webhook, tmp_path, "POST", path, API_SERVER)[0] == 400, "known, and no review"
    assert ask(webhook, tmp_path, "POST", "/validate", API_SERVER)[0] == 404
    for probe in ("/livez", "/readyz"):
        assert ask(webhook, tmp_path, "GET", probe, None)[0] == 200
    assert (counted(webhook, "none"), counted(webhook, "name")) == (2, 2)
    eventually(lambda: counted(webhook, "untrusted") == 2, "counting")
    assert webhook.child.log.read_text("utf-8").count("a caller is refused") == 1


def test_an_api_server_that_is_trusted_no_more_is_refused_and_told_why(
    plane: ControlPlane, webhook: Asked
) -> None:
    tried(plane, hpa_in_shop("web2", "web2"))  # over a connection that is kept
    trust(plane, OTHERS)
    eventually(
        lambda: "remote error: tls" in tried(plane, hpa_in_shop("web2", "web2")),
        "a refusal",
        webhook.child.tail,
    )
    assert "failed calling webhook" in tried(plane, hpa_in_shop("web2", "web2"))
    assert counted(webhook, "untrusted") > 2
    assert webhook.status() == 200
    trust(plane, OTHERS, OURS)
    eventually(
        lambda: "created" in tried(plane, hpa_in_shop("web2", "web2")), "trust", webhook.child.tail
    )


def test_a_change_of_authorities_fails_no_review(plane: ControlPlane, webhook: Asked) -> None:
    """As the page says it: both, and then the other one; connections that are kept end gently."""
    eventually(
        lambda: "created" in tried(plane, hpa_in_shop("web3", "web3")), "trust", webhook.child.tail
    )
    for known in ((OURS,), (OURS, OTHERS), (OURS,)):
        trust(plane, *known)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            said = tried(plane, hpa_in_shop("web3", "web3"))
            assert "created" in said, said
