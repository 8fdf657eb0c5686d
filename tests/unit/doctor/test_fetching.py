"""What is fetched with which rights, from an API server of the tests and from a real socket."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from certs.authority import Names, issue_leaf, make_authority
from tests.unit.cluster.fake import Answer, FakeApi, page, status
from tests.unit.doctor.facts import NOW, deployment, mutating, validating
from webhook.cli.doctor import CHECKS as NAMES
from webhook.doctor.checkup import CHECKS, check
from webhook.doctor.fetching.cluster import Cluster
from webhook.doctor.fetching.dialling import Address, NoAnswerError, address, ask, served
from webhook.doctor.fetching.start import Meant, look_at
from webhook.doctor.verdict import Checked, State
from webhook.errors import ScaleguardError

MUTATING = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
VALIDATING = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
DEPLOYMENTS = "/apis/apps/v1/deployments"
OWN = "/apis/apps/v1/namespaces/guard/deployments"
MAY = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MAYS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
PROXY = "/api/v1/namespaces/guard/services/https:scaleguard:443/proxy/readyz"


def review(*, allowed: bool) -> Answer:
    return Answer(201, json.dumps({"status": {"allowed": allowed}}).encode())


@pytest.fixture
def api() -> Iterator[FakeApi]:
    server = FakeApi()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.on("/version", Answer())
    server.on(MUTATING, page([mutating()]))
    server.on(VALIDATING, page([validating()]))
    server.on(DEPLOYMENTS, page([deployment()]))
    server.on(OWN, page([deployment()]))
    server.on(MAY, review(allowed=True))
    server.on(MAYS, review(allowed=True))
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def made(api: FakeApi, folder: Path, *names: str, **meant: str) -> dict[str, Checked]:
    look = look_at(Cluster(api.api(folder)), Meant(**meant), NOW)  # type: ignore[arg-type]
    return {one.name: one for one in check(look, names)}


def only(found: dict[str, Checked]) -> tuple[str, str]:
    ((one,),) = (one.verdicts for one in found.values())
    return str(one.state), one.message


def test_every_check_has_a_name_that_the_command_knows() -> None:
    assert tuple(CHECKS) == NAMES


def test_the_installation_is_found_by_its_labels(api: FakeApi, tmp_path: Path) -> None:
    assert only(made(api, tmp_path, "configurations"))[0] == "ok"
    labels = {one.query.get("labelSelector") for one in api.asked if one.path == MUTATING}
    assert labels == {"app.kubernetes.io/name=scaleguard"}


def test_nothing_is_installed(api: FakeApi, tmp_path: Path) -> None:
    for path in (MUTATING, VALIDATING, DEPLOYMENTS):
        api.on(path, page([]))
    found = made(api, tmp_path, "configurations", "certificate", "metrics")
    assert found["configurations"].state is State.FAULT
    assert "helm install" in found["configurations"].verdicts[0].command
    (unseen,) = found["certificate"].verdicts
    assert unseen.message == "no installation of scaleguard is found in this cluster"
    assert found["metrics"].state is State.WARNING


def test_several_installations(api: FakeApi, tmp_path: Path) -> None:
    other = deployment()
    other["metadata"]["namespace"] = "other"
    api.on(DEPLOYMENTS, page([deployment(), other]))
    with pytest.raises(ScaleguardError, match="--namespace other --release scaleguard"):
        made(api, tmp_path, "configurations")
    assert only(made(api, tmp_path, "configurations", namespace="guard"))[0] == "ok"
    with pytest.raises(ScaleguardError, match="no installation has that"):
        made(api, tmp_path, "configurations", release="x")


def test_configurations_that_may_not_be_listed(api: FakeApi, tmp_path: Path) -> None:
    api.on(MUTATING, status(403, "Forbidden"))
    api.on(DEPLOYMENTS, status(403, "Forbidden"))
    with pytest.raises(ScaleguardError, match="you may not list mutatingwebhookconfigurations"):
        made(api, tmp_path, "configurations")
    api.on(f"{MUTATING}/scaleguard", Answer(body=json.dumps(mutating()).encode()))
    api.on(f"{VALIDATING}/scaleguard", Answer(body=json.dumps(validating()).encode()))
    named = {"namespace": "guard", "release": "scaleguard"}
    assert only(made(api, tmp_path, "configurations", **named))[0] == "ok"
    api.on(f"{VALIDATING}/scaleguard", status(403, "Forbidden"))
    for name in ("configurations", "namespaces", "order"):
        state, said = only(made(api, tmp_path, name, **named))
        assert state == "unseen"
        assert said.startswith("you may not get validatingwebhookconfigurations.")
    api.on(f"{VALIDATING}/scaleguard", Answer(body=json.dumps(validating()).encode()))
    state, said = only(made(api, tmp_path, "order", **named))
    assert (state, said) == (
        "unseen",
        "you may not list mutatingwebhookconfigurations.admissionregistration.k8s.io",
    )


def test_an_api_server_that_is_not_there(tmp_path: Path, api: FakeApi) -> None:
    api.on("/version", status(401, "Unauthorized"))
    with pytest.raises(ScaleguardError, match="does not know who asks"):
        Cluster(api.api(tmp_path)).reach()
    api.on("/version", Answer(hang_up=True))
    with pytest.raises(ScaleguardError, match="does not answer"):
        Cluster(api.api(tmp_path)).reach()


def test_readiness_through_the_api_server(api: FakeApi, tmp_path: Path) -> None:
    api.on(PROXY, Answer(body=b'{"status": "ok"}'))
    assert only(made(api, tmp_path, "readiness")) == ("ok", "through the API server: ready")
    api.on(PROXY, Answer(503, b'{"error": "not ready", "reasons": ["nodes: not listed yet"]}'))
    state, said = only(made(api, tmp_path, "readiness"))
    assert (state, said) == ("fault", "through the API server: not ready: nodes: not listed yet")
    api.on(MAY, review(allowed=False))
    assert only(made(api, tmp_path, "readiness")) == (
        "unseen",
        "you may not get services/proxy in namespace guard",
    )


def test_the_certificate_of_the_secret(api: FakeApi, tmp_path: Path) -> None:
    path = "/api/v1/namespaces/guard/secrets/scaleguard-certificate"
    state, said = only(made(api, tmp_path, "certificate"))
    assert (state, said) == ("unseen", "there is no Secret guard/scaleguard-certificate")
    api.on(path, status(403, "Forbidden"))
    state, said = only(made(api, tmp_path, "certificate"))
    assert said == "you may not get secrets scaleguard-certificate in namespace guard"
    secret = {"metadata": {"name": "scaleguard-certificate"}, "data": {"tls.crt": "%"}}
    api.on(path, Answer(body=json.dumps(secret).encode()))
    assert only(made(api, tmp_path, "certificate"))[0] == "fault"


def test_rights_of_the_accounts(api: FakeApi, tmp_path: Path) -> None:
    assert only(made(api, tmp_path, "rights"))[1].startswith("ServiceAccount default has its ")
    api.on(MAYS, status(403, "Forbidden"))
    assert only(made(api, tmp_path, "rights")) == (
        "unseen",
        "you may not create subjectaccessreviews.authorization.k8s.io",
    )
    api.on(MAYS, review(allowed=False))
    assert only(made(api, tmp_path, "rights"))[0] == "fault"
    api.on(OWN, page([]))
    assert only(made(api, tmp_path, "rights"))[1] == "there is no Deployment that would need rights"


SERVING = make_authority(datetime.now(UTC))


def options(*arguments: str) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"args": list(arguments)}]}}}


@pytest.mark.parametrize(
    ("arguments", "asked", "not_asked"),
    [
        (("--tls-name=x",), {"scaleguard-authority", "scaleguard-path"}, {"services"}),
        ((), {"scaleguard-path"}, {"scaleguard-authority"}),
        (("--audit-url=https://x",), {"services"}, set()),
        (("--only-certificates",), {"scaleguard", "scaleguard-path"}, {"nodes", "deployments"}),
    ],
)
def test_rights_of_a_controller_are_those_of_its_options(
    api: FakeApi,
    tmp_path: Path,
    arguments: tuple[str, ...],
    asked: set[str],
    not_asked: set[str],
) -> None:
    made_of = deployment("scaleguard-controller", "controller", **options(*arguments))
    api.on(OWN, page([made_of]))
    assert only(made(api, tmp_path, "rights"))[0] == "ok"
    reviews = [json.loads(one.body)["spec"] for one in api.asked if one.path == MAYS]
    rights = [one["resourceAttributes"] for one in reviews]
    named = {one.get("name") or one["resource"] for one in rights}
    assert asked <= named
    assert not not_asked & named


def test_a_secret_of_ones_own_is_the_one_that_is_mounted(api: FakeApi, tmp_path: Path) -> None:
    source = {"secret": {"name": "mine", "items": [{"key": "tls.crt", "path": "tls.crt"}]}}
    volumes = [{"name": "certificates", "projected": {"sources": [source]}}]
    raw = deployment(template={"spec": {"volumes": volumes}})
    api.on(f"{OWN}/scaleguard", Answer(body=json.dumps(raw).encode()))
    assert only(made(api, tmp_path, "certificate"))[1] == "there is no Secret guard/mine"


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Address]:
    """Somebody who serves with a leaf of this authority."""
    leaf = issue_leaf(SERVING, Names.of(["scaleguard.guard.svc"]), datetime.now(UTC))
    (tmp_path / "tls.crt").write_bytes(leaf.certificate)
    (tmp_path / "tls.key").write_bytes(leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server = HTTPServer(("127.0.0.1", 0), Ready)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Address("127.0.0.1", server.server_address[1])
    server.shutdown()
    server.server_close()


def test_a_certificate_is_seen_as_it_is_served(webhook: Address, tmp_path: Path) -> None:
    bundles = [SERVING.certificate, make_authority(datetime.now(UTC)).certificate, b"", b"\xff"]
    leaf, refused = served(webhook, "scaleguard.guard.svc", bundles)
    assert leaf == (tmp_path / "tls.crt").read_bytes()
    assert [bool(refused[one]) for one in bundles] == [False, True, True, True]
    assert ask(webhook, "scaleguard.guard.svc", "/readyz") == (200, b"/readyz")


def test_nobody_there() -> None:
    with pytest.raises(NoAnswerError, match=r"https://127\.0\.0\.1:1: "):
        served(Address("127.0.0.1", 1), "x", [])
    with pytest.raises(NoAnswerError, match=r"https://127\.0\.0\.1:1/readyz: "):
        ask(Address("127.0.0.1", 1), "x", "/readyz")


@pytest.mark.parametrize("url", ["http://x", "x:443", "https://", "https://x:y", "https://[::1"])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ScaleguardError, match="--webhook-url"):
        address(url)


def test_urls() -> None:
    assert address("https://[::1]:8443/x") == Address("::1", 8443)
    assert str(address("https://[::1]")) == "https://[::1]:443"
